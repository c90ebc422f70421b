"""Which trial is next: the interrupted, the promoted, new ones; and when what is left of the budget is the answer's."""

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from omegaconf import DictConfig

from convsweep.policy.asha import Asha, feasible, pauses
from convsweep.policy.budget import Budget, count_steps
from convsweep.policy.pace import PACE, Paces
from convsweep.policy.repeats import Confirmation, is_repeat
from convsweep.policy.step_budget import StepBudget
from convsweep.policy.ties import order
from convsweep.policy.work import WORKER, is_alive, last_step, seconds_of

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

# Of a budget in time: whether nothing new starts any more, or even the time itself is over.
OVER = "over"
Phase = bool | Literal["over"]


@dataclass(frozen=True)
class Policy:
    """What any worker decides by; it reads the trials alone, so that all decide alike.

    Attributes:
        n_trials: Trials with a number below this belong to the budget.
        asha: The scheduler, or None.
        steps: How many steps all trials may take together, or None.
        max_resource: How many steps a trial has, as far as that is configured.
        growing: Whether new trials are added as they are wanted: nobody can say how many there will be.
        timed: Whether the budget is one of time.
        confirming: Whether the trials to take are those that repeat others, which nothing stops, and no other ones.
    """

    n_trials: int
    asha: Asha | None = None
    steps: int | None = None
    max_resource: int | None = None
    growing: bool = False
    timed: bool = False
    confirming: bool = False

    @classmethod
    def of(cls, sweeper: DictConfig, n_trials: int, enumerated: bool = False) -> "Policy":
        """Return the policy of `hydra.sweeper`, whose trials the driver has counted."""
        budget = Budget.of(sweeper)
        growing = budget.trials is None and not enumerated
        return cls(
            n_trials,
            Asha.of(sweeper),
            count_steps(sweeper),
            sweeper.max_resource,
            growing,
            timed=budget.seconds is not None,
        )

    @property
    def _steps(self) -> StepBudget:
        return StepBudget(self.steps, self.asha, self.max_resource)

    def candidates(self, study: "Study", finishing: Phase = False) -> "Iterator[FrozenTrial | None]":
        """Yield the trials to take, the first one first; None stands for one that is to be added.

        When nothing new starts any more, or `finishing` says so, the best goes on, so that the answer is never a
        trial that stopped half-way. Each turn brings it to its next rung, where another may overtake it.
        """
        from optuna.trial import TrialState

        trials = study.get_trials(deepcopy=False)
        waiting = [t for t in trials if t.state == TrialState.WAITING and t.number < self.n_trials]
        waiting = [trial for trial in waiting if is_repeat(trial) == self.confirming]
        if finishing and (self.asha is not None or finishing == OVER):
            answer = self._answer(study, finishing)
            yield from (trial for trial in waiting if answer is not None and trial.number == answer.number)
            return
        # Those that paused under a scheduler go on like interrupted ones where there is none any more.
        begun = [trial for trial in waiting if WORKER in trial.system_attrs]
        yield from (trial for trial in begun if self.asha is None or not pauses(trial))
        if finishing:
            return
        if self.asha is not None:
            onward = [*filter(self.asha.is_stranded, begun), *self.asha.promotable(study)]
            yield from (trial for trial in onward if self._steps.affords(study, trial))
        fresh: list[FrozenTrial | None] = [trial for trial in waiting if WORKER not in trial.system_attrs]
        if self.growing and not fresh and len(trials) < self.n_trials:
            fresh = [None]
        if self._steps.affords(study, None):
            yield from fresh
        if self.asha is None:
            return
        best = [trial for trial in self.asha.unfinished_best(study) if self._steps.affords(study, trial)]
        # For the leader's training steps have been kept; where they are too few there is still to be an answer.
        leader = None if best else self.asha.leader(study)
        if leader is not None and pauses(leader) and not _answered(trials, leader.number):
            best = [leader]
        yield from best

    def _answer(self, study: "Study", finishing: Phase) -> "FrozenTrial | None":
        """Return the trial that is still to be trained when the time is short, or over: then only where there is none.

        It is the scheduler's leader, or where nobody has come so far, the one that has come furthest.
        """
        trials = study.get_trials(deepcopy=False)
        if finishing == OVER and _answered(trials):
            return None
        best = self.asha.leader(study) if self.asha is not None else None
        if best is not None or _answered(trials):
            return best if best is not None and not best.state.is_finished() else None
        begun = [t for t in trials if not t.state.is_finished() and (WORKER in t.system_attrs or not _waits(t))]
        return max(begun, key=lambda trial: (last_step(trial), -trial.number), default=None)

    def gives_way(self, study: "Study", number: int, finishing: Phase) -> bool:
        """Whether a running trial is to stop at its next step, for it is not the answer and the time is short."""
        if not finishing or (self.asha is None and finishing != OVER):
            return False
        answer = self._answer(study, finishing)
        return answer is None or answer.number != number

    def is_answered(self, study: "Study") -> bool:
        """Whether a trial is complete that can be the study's best."""
        return _answered(study.get_trials(deepcopy=False))

    def is_at_work(self, study: "Study") -> bool:
        """Whether a trial runs, or waits to be taken, that still counts when the time is short."""
        still: Any = _Still(study)
        running = any(trial.state.name == "RUNNING" for trial in still.get_trials())
        return running or self.is_left(still, finishing=True)

    def is_left(self, study: "Study", finishing: Phase = False) -> bool:
        """Whether there is a trial to take."""
        return any(True for _ in self.candidates(study, finishing))

    def runs(self, study: "Study", driver: str | None = None) -> bool:
        """Whether a trial of the budget runs, for this driver or for any.

        One that was taken in this moment may be anybody's.
        """
        running = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "RUNNING"]
        return any(
            trial.number < self.n_trials and (driver is None or trial.system_attrs.get(WORKER, [driver])[-1] == driver)
            for trial in running
        )

    def may_come(self, study: "Study") -> bool:
        """Whether a trial that another process runs now may leave one to take when it pauses or ends."""
        return self.leaves_some and any(
            trial.state.name == "RUNNING" and is_alive(trial) for trial in study.get_trials(deepcopy=False)
        )

    def is_over(self, study: "Study", finishing: Phase = False) -> bool:
        """Whether there is nothing to take, and nothing may come, both in the same moment."""
        if self.timed and finishing is True:
            return False  # the driver is about to say that the time is over, or that there is some left
        still: Any = _Still(study)
        return not self.may_come(still) and not self.is_left(still, finishing)

    @property
    def leaves_some(self) -> bool:
        """Whether there may be something to take again, after there was nothing."""
        return self.asha is not None or self.counts

    @property
    def counts(self) -> bool:
        """Whether what may be taken depends on what has been taken: trials are added, or steps are counted."""
        return self.growing or self.steps is not None

    def seconds_to_finish(self, study: "Study") -> float:
        """Estimate how long the training of the answer still takes, from how long the trials' steps took so far.

        Without a scheduler it is the length of one more trial, for that is what would not end in time. 0: not known.
        """
        trials = study.get_trials(deepcopy=False)
        paces = Paces.of(trials)
        if self.asha is None:
            done = [self._seconds_anew(t, paces) for t in trials if t.state.name == "COMPLETE"]
            return sum(done) / len(done) if done else 0.0
        best = self.asha.leader(study)
        if best is None or best.state.is_finished() or not best.intermediate_values:
            return 0.0
        step = paces.step_of(best)
        if step is None and not any(PACE in trial.system_attrs for trial in trials):  # a study of before
            step = seconds_of(best) / last_step(best)
        seconds = (step or 0.0) * max(0, self._steps.length(trials) - last_step(best))
        if step is None or best.state.name == "RUNNING":
            return seconds + (paces.after if step else 0.0)
        # It is to be taken up by a worker that ends a step of another trial before.
        others = [paces.step_of(trial) or 0.0 for trial in trials if trial.state.name == "RUNNING"]
        return min(others, default=0.0) + paces.start + seconds + paces.after

    def seconds_to_end(self, study: "Study") -> float:
        """Estimate how long it is until the answer is trained, without a scheduler until all have ended that run."""
        if self.asha is not None:
            return self.seconds_to_finish(study)
        trials = study.get_trials(deepcopy=False)
        paces, length = Paces.of(trials), self._steps.length(trials)
        running = [trial for trial in trials if trial.state.name == "RUNNING"]
        steps = [(length - last_step(trial)) * (paces.step_of(trial) or math.inf) for trial in running]
        return max(steps, default=0.0) + paces.after

    def seconds_to_confirm(self, study: "Study", confirmation: Confirmation, workers: int) -> float:
        """Estimate how long workers that are started anew train the best again. 0: not known.

        Each takes as long as its first training did; one that is not known yet, as long as the others on average.
        """
        trials = study.get_trials(deepcopy=False)
        paces, sign = Paces.of(trials), -1 if study.directions[0].name == "MAXIMIZE" else 1
        done = [trial for trial in trials if trial.state.name == "COMPLETE" and not is_repeat(trial)]
        usual = paces.start + (paces.step or 0.0) * self._steps.length(trials) + paces.after
        if done:
            usual = sum(self._seconds_anew(trial, paces) for trial in done) / len(done)
        best = sorted(filter(feasible, done), key=lambda trial: order(trial, trial.values[0], sign))
        each = [self._seconds_anew(trial, paces) for trial in best[: confirmation.candidates]]
        each += [usual] * (confirmation.candidates - len(each))
        ends = [paces.cold] * min(workers, confirmation.trials)
        for seconds in each * confirmation.seeds:
            heapq.heapreplace(ends, ends[0] + seconds)
        return max(ends)

    def _seconds_anew(self, trial: "FrozenTrial", paces: Paces) -> float:
        """Return how long a complete trial would take in a process that has run another one."""
        step = paces.step_of(trial) if PACE in trial.system_attrs and trial.intermediate_values else None
        if step is None:
            return seconds_of(trial)
        return min(seconds_of(trial), paces.start + step * last_step(trial) + paces.after)

    def goes_on(self, study: "Study", trial: "FrozenTrial", rung: int, finishing: Phase) -> bool:
        """Whether a trial that has just reached a rung runs on, rather than pausing there."""
        assert self.asha is not None
        if not finishing and self._steps.affords(study, trial):
            return self.asha.goes_on(study, trial.number, rung)
        best = self.asha.leader(study)
        if best is None or best.number != trial.number:
            return False
        return bool(finishing) or not _answered(study.get_trials(deepcopy=False), trial.number)


class _Still:
    """A study as it is in this moment, for questions that must not be asked of two."""

    def __init__(self, study: "Study") -> None:
        self._trials, self.directions = study.get_trials(deepcopy=False), study.directions

    def get_trials(self, deepcopy: bool = False) -> "list[FrozenTrial]":
        return self._trials


def _answered(trials: "list[FrozenTrial]", number: int | None = None) -> bool:
    """Whether a trial is an answer; beside the one of that number also whether another may become one."""
    return any(
        (t.state.name == "COMPLETE" and feasible(t))
        or (number is not None and t.state.name == "RUNNING" and t.number != number)
        for t in trials
    )


def _waits(trial: "FrozenTrial") -> bool:
    return trial.state.name == "WAITING"
