"""A sweep in virtual time: the sampler, the pruner, the scheduler and the queue are real, the training is recorded."""

import heapq
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from omegaconf import DictConfig, OmegaConf, open_dict

from convsweep.intervals import Mean
from convsweep.policy.budget import Budget, count_trials
from convsweep.policy.pace import Pace, Stopwatch
from convsweep.policy.policy import Policy
from convsweep.policy.repeats import Confirmation, is_repeat, repeated_number
from convsweep.policy.stopping_rules import StoppingRules
from convsweep.policy.time_budget import FINISH, LOOK, TimeBudget
from convsweep.replay.curves import START, Curves
from convsweep.replay.honesty import Outcome
from convsweep.sampling.draw import propose
from convsweep.sampling.instantiate import make_pruner
from convsweep.study.optuna_logging import quieten_optuna
from convsweep.study.queue import fill, trial_params
from convsweep.study.ranking import leaders, ranked
from convsweep.study.repeats import add_repeats, repeated
from convsweep.study.rules import COMMON, settle_rules
from convsweep.study.trial_states import add_seconds, put_back, take
from convsweep.study.warm_start import remember
from convsweep.workers.trial import TrialHandle

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

END = -1.0  # of a worker


@dataclass(frozen=True)
class Replay:
    """What a simulated sweep came to.

    Attributes:
        value: The answer's: the best complete trial's, NaN without one; the mean of its repeats where it was confirmed.
        best: Its configuration's index in the curves.
        steps: What all trials were trained for together.
        seconds: From the first trial's start to the last one's end, in virtual time.
        trials: How many were started.
        complete: How many were trained to their end.
        other: The value of the answer's configuration by its other trainings, the mean of them; NaN without any.
        front: With a second objective the values of those that no other one dominates.
        again: How many trials trained the best again.
        outcome: What is said of the answer beside its true value, None without an answer.
    """

    value: float
    best: int | None
    steps: int
    seconds: float
    trials: int
    complete: int
    other: float = math.nan
    front: Sequence[Sequence[float]] = ()
    again: int = 0
    outcome: Outcome | None = None


def simulate(
    curves: Curves,
    sweeper: DictConfig,
    seed: int,
    recorded: bool = False,
    warm_up: float = 0.0,
    second: Sequence[float] | None = None,
    earlier: "Sequence[Study]" = (),
    noise: float = 0.0,
) -> Replay:
    """Run a sweep whose trials take their values from recorded curves.

    Each draw of the sampler becomes the configuration most like it that has not been tried; the sampler is told of
    the values that were trained. What a trial is worth is the best value on its curve.

    Args:
        curves: What to replay.
        sweeper: `hydra.sweeper`; its `n_jobs` workers run beside each other, one for null.
        seed: Of the study.
        recorded: Try the configurations in the order of their recording (from seed 1 on, shuffled) instead of
            drawing them.
        warm_up: Seconds that a worker's first trial takes before its first step, beside what each of them does.
        second: Of each configuration a value that is known beforehand and to be minimized too, such as its size.
        earlier: Studies that this one is started from, as by `hydra.sweeper.warm_start_from`.
        noise: The standard deviation of a seed. Each training then is the configuration's first curve, taken for true,
            and a number that is drawn for it; `hydra.sweeper.confirm` draws anew.
    """
    return _Simulation(curves, sweeper, seed, recorded, warm_up, second, earlier, noise).run()


@dataclass
class _Simulation:
    curves: Curves
    sweeper: DictConfig
    seed: int
    recorded: bool
    warm_up: float = 0.0
    second: Sequence[float] | None = None
    earlier: "Sequence[Study]" = ()
    noise: float = 0.0
    now: float = 0.0
    rows: dict[int, int] = field(default_factory=dict)  # of each trial: which configuration it is

    def run(self) -> Replay:
        import optuna

        quieten_optuna()
        with open_dict(self.sweeper):
            self.sweeper.max_resource = self.curves.length
        # A copy without references, which take long to follow, and are followed for each draw.
        parts = ("sampler", "pruner", "scheduler")
        plain = {
            str(key): self.sweeper[key]
            for key in self.sweeper
            if key not in (*parts, "callbacks", "direction", "metric_names")
        }
        plain |= {key: OmegaConf.to_container(self.sweeper[key], resolve=True) for key in parts}
        self.sweeper = OmegaConf.create(plain)
        settle_rules(self.sweeper)
        directions: list[Any] = ["maximize" if self.curves.maximize else "minimize"]
        directions += ["minimize"] * (self.second is not None)
        self.study = optuna.create_study(storage=optuna.storages.InMemoryStorage(), directions=directions)
        self.study.set_user_attr("seed", self.seed)
        self.study.pruner = make_pruner(self.sweeper.pruner)
        budget, n_trials = Budget.of(self.sweeper), count_trials(self.sweeper, None)
        n_trials = min(n_trials, len(self.curves.params))
        best = remember(self.study, self.earlier, self.curves.space)
        fill(self.study, self.curves.space, n_trials, best, growing=budget.trials is None)
        self.policy = Policy.of(self.sweeper, n_trials)
        order = np.arange(len(self.curves.params))
        self.order = np.random.default_rng(self.seed).permutation(order) if self.seed else order
        self._turn(budget.seconds)
        if confirmation := Confirmation.of(self.sweeper):
            self._confirm(confirmation)
        return self._result(self.now)

    def _confirm(self, confirmation: Confirmation) -> None:
        """Train the best again, as a driver does at the end of a search."""
        import optuna

        best = leaders(self.study, confirmation.candidates)
        add_repeats(self.study, {trial.number: trial.params for trial in best}, confirmation.seeds)
        self.study.set_user_attr(FINISH, False)  # which a budget of time has set
        self.study.pruner = optuna.pruners.NopPruner()
        self.policy = Policy(len(self.study.get_trials(deepcopy=False)), confirming=True)
        self.sweeper = self.sweeper.copy()
        self.sweeper.update(target=None, patience=None)
        self._turn(None)

    def _turn(self, limit: float | None) -> None:
        """Let the workers take turns in the order of their virtual clocks until all is done."""
        count, workers, confirmation = itertools.count(), self.sweeper.n_jobs or 1, Confirmation.of(self.sweeper)
        idle = []
        clocks = [(self.now, next(count), self._work()) for _ in range(workers)]
        budget = None
        if limit:
            budget = TimeBudget(self.study, "", self.policy, limit, lambda: self.now, confirmation, workers)
        while clocks:
            self.now, _, worker = heapq.heappop(clocks)
            if budget is not None:
                budget.look()
            wait = next(worker, END)
            if wait is None:
                idle.append(worker)
            elif wait != END:
                heapq.heappush(clocks, (self.now + wait, next(count), worker))
            # What happened may have left something to do; where all wait, it is for the driver's word.
            if wait is not None or not clocks:
                later = 0.0 if wait is not None else LOOK
                for other in idle:
                    heapq.heappush(clocks, (self.now + later, next(count), other))
                idle = []

    def _work(self) -> "Iterator[float | None]":
        """Be a new worker: yield the seconds until its next event, None while it waits."""
        rules, warm = StoppingRules.of(self.sweeper), False
        while not rules.reached(self.study):
            finishing = self.study.user_attrs.get(FINISH, False)
            taken = take(self.study, self.policy, finishing)
            running = any(t.state.name == "RUNNING" for t in self.study.get_trials(deepcopy=False))
            if taken is not None:
                yield from self._train(taken, warm)
                warm = True
            elif self.policy.leaves_some and (running or (self.policy.timed and finishing is True)):
                yield None
            else:
                return

    def _train(self, taken: "FrozenTrial", warm: bool) -> Iterator[float]:
        from optuna.trial import Trial, TrialState

        row = self._row(taken)
        curve = self._curve(taken.number)
        watch = Stopwatch(Pace.of(taken), warm, lambda: self.now)
        handle = TrialHandle(Trial(self.study, taken._trial_id), 0, Path(), policy=self.policy, watch=watch)
        before = step = max(taken.intermediate_values, default=0)
        start = START if warm else START + self.warm_up
        yield start
        while step < len(curve):
            yield self.curves.seconds[row]
            step += 1
            handle.report(self._values(float(curve[step - 1]), row), step)
            if step < self.curves.length and handle.should_stop():
                break
        add_seconds(self.study, taken, start + (step - before) * self.curves.seconds[row])
        if handle.interrupted:
            put_back(self.study, taken._trial_id)
        elif handle.stopped:
            self.study.tell(taken.number, state=TrialState.PRUNED)
        else:
            handle.note_end()
            self.study.tell(taken.number, self._values(self.curves.peak(curve), row))

    def _values(self, value: float, row: int) -> float | list[float]:
        return value if self.second is None else [value, float(self.second[row])]

    def _row(self, taken: "FrozenTrial") -> int:
        """Return which configuration a trial is; a new one gets one that has not been tried."""
        if taken.number not in self.rows:
            if (number := repeated_number(taken)) is not None:
                row = self.rows[number]
            elif self.recorded:
                row = int(self.order[taken.number])
            else:
                drawn = propose(self.study, taken, self.curves.space, trial_params(taken), self.sweeper).params
                row = self.curves.nearest(drawn, list(self.rows.values()))
            self.rows[taken.number] = row
            for name, value in self.curves.params[row].items():
                distribution = self.curves.space.parameters[name].distribution
                internal = distribution.to_internal_repr(value)
                self.study._storage.set_trial_param(taken._trial_id, name, internal, distribution)
        return self.rows[taken.number]

    def _curve(self, number: int) -> np.ndarray:
        curves = self.curves.values[self.rows[number]]
        if self.noise:
            return curves[0] + np.random.default_rng([self.seed, number]).normal(0, self.noise)
        return curves[self._which(number, len(curves))]

    def _which(self, number: int, count: int) -> int:
        """Return which of so many curves a trial trains by: they differ in their seed."""
        return (self.seed + (0 if self.sweeper.trial_seeds == COMMON else number)) % count

    def _result(self, seconds: float) -> Replay:
        trials = [trial for trial in self.study.get_trials(deepcopy=False) if trial.number in self.rows]
        complete = ranked(self.study)
        confirmed = repeated(self.study)
        mean = confirmed[0].mean if confirmed else None
        value = mean.value if mean else complete[0].values[0] if complete else math.nan
        return Replay(
            value=value,
            best=self.rows[complete[0].number] if complete else None,
            steps=sum(self._steps(trial) for trial in trials),
            seconds=seconds,
            trials=len(trials),
            complete=sum(trial.state.name == "COMPLETE" for trial in trials),
            other=self._by_others(complete[0].number) if complete else math.nan,
            front=[trial.values for trial in complete] if self.second is not None else (),
            again=sum(map(is_repeat, trials)),
            outcome=self._outcome(value, self.rows[complete[0].number], mean) if complete else None,
        )

    def _outcome(self, said: float, row: int, mean: Mean | None) -> Outcome:
        """Put what is said of the answer beside what is true, turned so that more is better."""
        sign = 1.0 if self.curves.maximize else -1.0
        truth = sign * self.curves.truth
        if mean is not None and sign < 0:
            mean = Mean(-mean.value, -mean.high, -mean.low, mean.spread, mean.count)
        return Outcome(sign * said, float(truth[row]), float(truth[list(self.rows.values())].max()), mean)

    def _by_others(self, number: int) -> float:
        """Return what a trial's configuration is worth by those of its curves that the trial has not seen."""
        curves = self.curves.values[self.rows[number]]
        used = self._which(number, len(curves))
        others = [self.curves.peak(curve) for i, curve in enumerate(curves) if i != used]
        return float(np.mean(others)) if others else math.nan

    def _steps(self, trial: "FrozenTrial") -> int:
        """Return how many steps a trial took; of several objectives without a scheduler nothing is reported."""
        whole = trial.state.name == "COMPLETE" and not trial.intermediate_values
        return self.curves.length if whole else max(trial.intermediate_values, default=0)
