"""Which trial is next: the interrupted, the promoted, new ones; and when what is left of the budget is the answer's."""

import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from convsweep.policy.asha import Asha, feasible, pauses
from convsweep.policy.budget import Budget

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

WORKER = "convsweep:worker"  # who runs a trial: host, process id, since when (Unix time), and for which driver
NAMING = 10.0  # seconds at most from taking a trial to the taker's name at it
SECONDS = "convsweep:seconds"  # how long a trial has run, in all


@dataclass(frozen=True)
class Policy:
    """What any worker decides by; it reads the trials alone, so that all decide alike.

    Attributes:
        n_trials: Trials with a number below this belong to the budget.
        asha: The scheduler, or None.
        steps: How many steps all trials may take together, or None.
        max_resource: How many steps a trial has, as far as that is configured.
        growing: Whether new trials are added as they are wanted: nobody can say how many there will be.
    """

    n_trials: int
    asha: Asha | None = None
    steps: int | None = None
    max_resource: int | None = None
    growing: bool = False

    @classmethod
    def of(cls, sweeper: DictConfig, n_trials: int, enumerated: bool = False) -> "Policy":
        """Return the policy of `hydra.sweeper`, whose trials the driver has counted."""
        budget = Budget.of(sweeper)
        growing = budget.trials is None and not enumerated
        return cls(n_trials, Asha.of(sweeper), budget.steps, sweeper.max_resource, growing)

    def candidates(self, study: "Study", finishing: bool = False) -> "Iterator[FrozenTrial | None]":
        """Yield the trials to take, the first one first; None stands for one that is to be added.

        When nothing new starts any more, or `finishing` says so, the best goes on, so that the answer is never a
        trial that stopped half-way. Each turn brings it to its next rung, where another may overtake it.
        """
        from optuna.trial import TrialState

        trials = study.get_trials(deepcopy=False)
        waiting = [t for t in trials if t.state == TrialState.WAITING and t.number < self.n_trials]
        # Those that paused under a scheduler go on like interrupted ones where there is none any more.
        begun = [trial for trial in waiting if WORKER in trial.system_attrs]
        yield from (trial for trial in begun if self.asha is None or not pauses(trial))
        if not finishing:
            if self.asha is not None:
                yield from (t for t in self.asha.promotable(study) if self._affords(study, t))
            fresh: list[FrozenTrial | None] = [trial for trial in waiting if WORKER not in trial.system_attrs]
            if self.growing and not fresh and len(trials) < self.n_trials:
                fresh = [None]
            if self._affords(study, None):
                yield from fresh
        best = self.asha.unfinished_best(study) if self.asha else None
        if best is not None and (self._affords(study, best) or not _answered(trials, best.number)):
            yield best

    def is_left(self, study: "Study", finishing: bool = False) -> bool:
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
            trial.state.name == "RUNNING" and _is_alive(trial) for trial in study.get_trials(deepcopy=False)
        )

    def is_over(self, study: "Study", finishing: bool = False) -> bool:
        """Whether there is nothing to take, and nothing may come, both in the same moment."""
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
        """Estimate how long the training of the answer still takes, from how long the trials took so far.

        Without a scheduler it is the length of one more trial, for that is what would not end in time.
        """
        trials = study.get_trials(deepcopy=False)
        if self.asha is None:
            done = [seconds_of(t) for t in trials if t.state.name == "COMPLETE"]
            return sum(done) / len(done) if done else 0.0
        best = self.asha.leader(study)
        if best is None or best.state.is_finished() or not best.intermediate_values:
            return 0.0
        return seconds_of(best) / _last_step(best) * max(0, self._length(trials) - _last_step(best))

    def goes_on(self, study: "Study", trial: "FrozenTrial", rung: int, finishing: bool) -> bool:
        """Whether a trial that has just reached a rung runs on, rather than pausing there."""
        assert self.asha is not None
        if not finishing and self._affords(study, trial):
            return self.asha.goes_on(study, trial.number, rung)
        best = self.asha.leader(study)
        if best is None or best.number != trial.number:
            return False
        return finishing or not _answered(study.get_trials(deepcopy=False), trial.number)

    def _affords(self, study: "Study", trial: "FrozenTrial | None") -> bool:
        """Whether the budget of steps holds a trial's next stretch, a new one's for None, and the answer's training."""
        if self.steps is None:
            return True
        trials = study.get_trials(deepcopy=False)
        # One that runs without a name was taken by a worker that was killed, or behind a lock that does not hold.
        begun = [other for other in trials if WORKER in other.system_attrs or other.state.name == "RUNNING"]
        if not begun:
            return True
        length = self._length(trials)
        spent = sum(self._cost(other, length) for other in begun)
        others = [other for other in begun if trial is None or other.number != trial.number]
        running = sum(self._stretch(_last_step(t), length) for t in others if t.state.name == "RUNNING")
        stretch = self._stretch(_last_step(trial) if trial else 0, length)
        return spent + running + stretch + self._reserve(study, trial, length, stretch) <= self.steps

    def _reserve(self, study: "Study", trial: "FrozenTrial | None", length: int, stretch: int) -> int:
        """Return the steps that the answer needs beside this stretch of the trial and those that run."""
        best = self.asha.leader(study) if self.asha else None
        if self.asha is None or best is None:
            whole = any(t.state.name in ("COMPLETE", "RUNNING") for t in study.get_trials(deepcopy=False))
            return 0 if whole and self.asha is None else length - stretch
        if best.state.is_finished():
            # A newcomer where it stood may overtake it, and would have to be trained to its end as well.
            step = (_last_step(trial) if trial else 0) + stretch
            return max(0, length - step) if step >= self.asha.highest_rung(best) else 0
        left = max(0, length - _last_step(best))
        if trial is not None and trial.number == best.number:
            return left - stretch
        return left - (self._stretch(_last_step(best), length) if best.state.name == "RUNNING" else 0)

    def _cost(self, trial: "FrozenTrial", length: int) -> int:
        """Return the steps that a trial took: all of them if it is complete and reports none, as with two objectives.

        One that failed before its first step costs a step, or they would never come to an end.
        """
        if trial.state.name == "COMPLETE" and not trial.intermediate_values:
            return max(length, 1)
        return max(_last_step(trial), 1)

    def _length(self, trials: "list[FrozenTrial]") -> int:
        """Return how many steps a whole trial has; 0 before anybody knows."""
        if self.max_resource is not None:
            return self.max_resource
        return max((_last_step(trial) for trial in trials if trial.state.name == "COMPLETE"), default=0)

    def _stretch(self, step: int, length: int) -> int:
        """Return how many steps a trial takes from here to where it may pause next."""
        if self.asha is None:
            return max(0, length - step)
        return (min(self.asha.next_rung(step), length) if length else self.asha.next_rung(step)) - step


class _Still:
    """A study as it is in this moment, for questions that must not be asked of two."""

    def __init__(self, study: "Study") -> None:
        self._trials, self.direction = study.get_trials(deepcopy=False), study.directions[0]

    def get_trials(self, deepcopy: bool = False) -> "list[FrozenTrial]":
        return self._trials


def seconds_of(trial: "FrozenTrial") -> float:
    """Return how long a trial has run, without the time for which it paused."""
    known = trial.system_attrs.get(SECONDS)
    if trial.state.name == "RUNNING" and WORKER in trial.system_attrs:
        return (known or 0.0) + max(0.0, time.time() - trial.system_attrs[WORKER][2])
    return known if known is not None else trial.duration.total_seconds() if trial.duration else 0.0


def _answered(trials: "list[FrozenTrial]", number: int) -> bool:
    """Whether another trial is an answer or may become one: without any, the budget is exceeded for this one."""
    return any(
        (t.state.name == "COMPLETE" and feasible(t)) or (t.state.name == "RUNNING" and t.number != number)
        for t in trials
    )


def _is_alive(trial: "FrozenTrial") -> bool:
    """Whether somebody else may be running a trial; of processes on other machines nobody here knows more.

    Who has just taken one may be about to put his name to it. Who was killed before that left it with an earlier name,
    or none.
    """
    host, pid, *_ = trial.system_attrs.get(WORKER, ["", 0])
    if trial.datetime_start and abs(time.time() - trial.datetime_start.timestamp()) < NAMING:
        return True
    if host != socket.gethostname():
        return bool(host)
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _last_step(trial: "FrozenTrial") -> int:
    return max(trial.intermediate_values, default=0)
