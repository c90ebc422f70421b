"""A budget of steps: what it still holds, and what it keeps for the training of the answer."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from convsweep.policy.asha import Asha
from convsweep.policy.work import WORKER, last_step

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial


@dataclass(frozen=True)
class StepBudget:
    """What trials may take.

    Attributes:
        steps: How many steps all trials may take together, or None.
        asha: The scheduler, or None.
        max_resource: How many steps a trial has, as far as that is configured.
    """

    steps: int | None
    asha: Asha | None
    max_resource: int | None

    def affords(self, study: "Study", trial: "FrozenTrial | None") -> bool:
        """Whether the budget of steps holds a trial's next stretch, a new one's for None, and the answer's training."""
        if self.steps is None:
            return True
        trials = study.get_trials(deepcopy=False)
        # One that runs without a name was taken by a worker that was killed, or behind a lock that does not hold.
        begun = [other for other in trials if WORKER in other.system_attrs or other.state.name == "RUNNING"]
        if not begun:
            return True
        length = self.length(trials)
        spent = sum(self._cost(other, length) for other in begun)
        others = [other for other in begun if trial is None or other.number != trial.number]
        running = sum(self._stretch(study, t, length) for t in others if t.state.name == "RUNNING")
        stretch = self._stretch(study, trial, length)
        return spent + running + stretch + self._reserve(study, trial, length, stretch) <= self.steps

    def _reserve(self, study: "Study", trial: "FrozenTrial | None", length: int, stretch: int) -> int:
        """Return the steps that the answer needs beside this stretch of the trial and those that run."""
        best = self.asha.leader(study) if self.asha else None
        if self.asha is None or best is None:
            whole = any(t.state.name in ("COMPLETE", "RUNNING") for t in study.get_trials(deepcopy=False))
            return 0 if whole and self.asha is None else length - stretch
        if best.state.is_finished():
            # A newcomer where it stood may overtake it, and would have to be trained to its end as well.
            step = (last_step(trial) if trial else 0) + stretch
            return max(0, length - step) if step >= self.asha.highest_rung(best) else 0
        left = max(0, length - last_step(best))
        if trial is not None and trial.number == best.number:
            return left - stretch
        return left - (self._stretch(study, best, length) if best.state.name == "RUNNING" else 0)

    def _cost(self, trial: "FrozenTrial", length: int) -> int:
        """Return the steps that a trial took: all of them if it is complete and reports none, as with two objectives.

        One that failed before its first step costs a step, or they would never come to an end.
        """
        if trial.state.name == "COMPLETE" and not trial.intermediate_values:
            return max(length, 1)
        return max(last_step(trial), 1)

    def length(self, trials: "list[FrozenTrial]") -> int:
        """Return how many steps a whole trial has; 0 before anybody knows."""
        if self.max_resource is not None:
            return self.max_resource
        return max((last_step(trial) for trial in trials if trial.state.name == "COMPLETE"), default=0)

    def _stretch(self, study: "Study", trial: "FrozenTrial | None", length: int) -> int:
        """Return how many steps a trial, a new one for None, takes from where it is to where it may pause next."""
        step = last_step(trial) if trial else 0
        if self.asha is None:
            return max(0, length - step)
        if trial is not None and WORKER in trial.system_attrs:
            bracket = self.asha.bracket(trial)
        else:
            bracket = self.asha.deal(study, trial.number if trial else _next(study.get_trials(deepcopy=False)))
        rung = self.asha.next_rung(step, bracket)
        return (min(rung, length) if length else rung) - step


def _next(trials: "list[FrozenTrial]") -> int:
    """Return the number of the next trial to start: one that waits and has not been begun, or that is added."""
    fresh = (t.number for t in trials if t.state.name == "WAITING" and WORKER not in t.system_attrs)
    return next(fresh, len(trials))
