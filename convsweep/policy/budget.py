"""The budget of a study: `hydra.sweeper.budget` in trials, steps or time."""

import re
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig

from convsweep.policy.repeats import Confirmation

DEFAULT_TRIALS = 20
MANY = 100_000  # trials of a budget of steps or time, which ends before
MAX_ENUMERATED = 1000  # combinations that such a budget lists; more are drawn
COUNTED = re.compile(r"(\d+)\s*(trials?|epochs?|steps?|folds?|)")
TIMED = re.compile(r"(?:(\d+(?:\.\d+)?)\s*h)?\s*(?:(\d+(?:\.\d+)?)\s*min)?\s*(?:(\d+(?:\.\d+)?)\s*s)?")


@dataclass(frozen=True)
class Budget:
    """What a study may cost before its best trial is trained to the end; one of the three is given."""

    trials: int | None = None
    steps: int | None = None
    seconds: float | None = None
    unit: str = "epochs"  # what the app calls a step

    @classmethod
    def of(cls, sweeper: DictConfig) -> "Budget":
        """Return the budget that `budget` and `n_trials` make together; `check` says what is wrong with them."""
        budget = parse(sweeper.budget)
        if budget == cls():
            return cls(trials=DEFAULT_TRIALS if sweeper.n_trials is None else sweeper.n_trials)
        return budget

    def twice(self, by_name: bool) -> str:
        """Return the override of twice the budget; `by_name` under the key `budget`, else as a number of trials."""
        if self.trials is not None:
            return f"hydra.sweeper.{'budget' if by_name else 'n_trials'}={2 * self.trials}"
        if self.steps is not None:
            return f"hydra.sweeper.budget={2 * self.steps}{self.unit}"
        return f"hydra.sweeper.budget={2 * (self.seconds or 0):.10g}s"

    def __str__(self) -> str:
        if self.trials is not None:
            return f"{self.trials} trials"
        if self.steps is not None:
            return f"{self.steps} {self.unit}"
        minutes, seconds = divmod(self.seconds or 0.0, 60)
        hours, minutes = divmod(minutes, 60)
        words = [f"{n:g} {unit}" for n, unit in ((hours, "h"), (minutes, "min"), (round(seconds, 1), "s")) if n]
        return " ".join(words)


def parse(given: Any) -> Budget:
    """Read e.g. 40, `40 trials`, `300 epochs`, `1h 30min`; a `Budget` of nothing for null and what is none of them."""
    text = "" if given is None else str(given).strip().lower()
    if (counted := COUNTED.fullmatch(text)) and int(counted[1]) > 0:
        number = int(counted[1])
        if counted[2].startswith("fold"):
            return Budget(steps=number, unit="folds")
        return Budget(steps=number) if counted[2][:4] in ("epoc", "step") else Budget(trials=number)
    if text and (timed := TIMED.fullmatch(text)):
        hours, minutes, seconds = (float(part or 0) for part in timed.groups())
        if total := 3600 * hours + 60 * minutes + seconds:
            return Budget(seconds=total)
    return Budget()


def count_trials(sweeper: DictConfig, size: int | None) -> int:
    """Return how many trials search at most, in a space of `size` combinations, None for countless ones."""
    budget, confirmation = Budget.of(sweeper), Confirmation.of(sweeper)
    if budget.trials is not None:
        return budget.trials - (confirmation.trials if confirmation else 0)
    most = MANY if sweeper.n_trials is None else sweeper.n_trials
    return min(most, size) if size is not None and size <= MAX_ENUMERATED else most


def count_steps(sweeper: DictConfig) -> int | None:
    """Return how many steps the searching trials may take together, None where steps are not counted."""
    budget, confirmation = Budget.of(sweeper), Confirmation.of(sweeper)
    if budget.steps is None or confirmation is None:
        return budget.steps
    return budget.steps - confirmation.trials * (sweeper.max_resource or 0)


def _check_confirm(sweeper: DictConfig) -> list[str]:
    """Return what is wrong with `confirm`."""
    if sweeper.get("confirm") is None:
        return []
    confirmation, budget = Confirmation.of(sweeper), Budget.of(sweeper)
    if confirmation is None:
        return [
            "`hydra.sweeper.confirm` must say how many of the best are trained again with how many seeds, 1 or more of "
            f"each, or null, got {sweeper.confirm}; type e.g. hydra.sweeper.confirm=3x2"
        ]
    if not isinstance(sweeper.direction, str) and len(sweeper.direction or []) > 1:
        return [
            "`hydra.sweeper.confirm` must be null in a study with several objectives, which has no best trials, got "
            f"{sweeper.confirm}; type hydra.sweeper.confirm=null"
        ]
    again = confirmation.trials
    if budget.trials is not None and budget.trials <= again:
        return [
            f"`hydra.sweeper.confirm` must leave some of the {budget.trials} trials to the search, got "
            f"{sweeper.confirm}, which takes {again}; type e.g. hydra.sweeper.n_trials={5 * again}"
        ]
    if budget.steps is not None and sweeper.max_resource is None:
        return [
            "`hydra.sweeper.max_resource` must say how many steps a trial has where a budget of steps is to hold "
            f"hydra.sweeper.confirm={sweeper.confirm}, got null; type e.g. hydra.sweeper.max_resource=10"
        ]
    if budget.steps is not None and budget.steps <= again * sweeper.max_resource:
        return [
            f"`hydra.sweeper.confirm` must leave some of the {budget.steps} epochs to the search, got "
            f"{sweeper.confirm}, which takes {again * sweeper.max_resource}; type e.g. "
            f"hydra.sweeper.budget={5 * again * sweeper.max_resource}epochs"
        ]
    return []


def check(sweeper: DictConfig) -> list[str]:
    """Return what is wrong with `budget`, `n_trials` and `confirm`."""
    problems = _check_confirm(sweeper)
    if sweeper.n_trials is not None and sweeper.n_trials < 1:
        problems.append(
            f"`hydra.sweeper.n_trials` must be 1 or more, got {sweeper.n_trials}; type e.g. hydra.sweeper.n_trials=20"
        )
    budget = parse(sweeper.budget)
    if sweeper.budget is not None and budget == Budget():
        problems.append(
            "`hydra.sweeper.budget` must be a number of trials, of epochs, or a time, above 0, got "
            f"{sweeper.budget}; type e.g. hydra.sweeper.budget=300epochs, =40trials, =1h or =1h30min"
        )
    if budget.trials is not None and sweeper.n_trials not in (None, budget.trials):
        problems.append(
            f"`hydra.sweeper.budget` must not count trials beside hydra.sweeper.n_trials={sweeper.n_trials}, got "
            f"{sweeper.budget}; give one of them"
        )
    if sweeper.scheduler and budget.trials is None and budget != Budget() and sweeper.max_resource is None:
        problems.append(
            "`hydra.sweeper.max_resource` must say how many steps a trial has where a scheduler plans with a budget of "
            "epochs or time, got null; type e.g. hydra.sweeper.max_resource=10"
        )
    return problems
