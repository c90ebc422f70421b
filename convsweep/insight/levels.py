"""A searched key's values as few levels, so that trials at one can be compared with trials at the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from convsweep.space.values import equal, is_number

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

FEW = 8  # distinct numbers that are levels of their own
AGAIN = ("repeat", "seed")  # the last part of such keys
THIRDS = ("low", "middle", "high")


@dataclass(frozen=True)
class Levels:
    """What a key was in each of the trials that had it.

    Attributes:
        key: The searched key.
        distribution: What it was last drawn from.
        has: Which of the trials had it, bool [trials].
        values: Its value in those that had it.
        labels: The levels: listed values, or thirds of the drawn ones.
        level: The index of each one's level, int [those that had it].
        listed: Whether the levels are values that can be typed.
    """

    key: str
    distribution: "BaseDistribution"
    has: np.ndarray
    values: list[Any]
    labels: tuple[Any, ...]
    level: np.ndarray
    listed: bool

    @property
    def counts(self) -> np.ndarray:
        return np.bincount(self.level, minlength=len(self.labels))


def searched_keys(trials: "Sequence[FrozenTrial]") -> list[str]:
    """Return the keys that some of the trials have a value for, but for those that only train a configuration again."""
    return list(dict.fromkeys(key for trial in trials for key in trial.params if not is_again(key)))


def is_again(key: str) -> bool:
    """Whether a key is searched to train a configuration more than once: no value of it is better than another."""
    return key.rpartition(".")[2] in AGAIN


def levels_of(key: str, trials: "Sequence[FrozenTrial]") -> Levels:
    """Return a key's levels among the trials, some of which must have it."""
    from optuna.distributions import CategoricalDistribution

    having = [trial for trial in trials if key in trial.params]
    distribution = max(having, key=lambda trial: trial.number).distributions[key]
    has = np.array([key in trial.params for trial in trials])
    values = [trial.params[key] for trial in having]
    numbers = all(map(is_number, values))
    different = sorted(set(values)) if numbers else _distinct(values)
    categorical = isinstance(distribution, CategoricalDistribution)
    if categorical and not numbers:  # as they were typed
        different = [choice for choice in distribution.choices if any(equal(choice, value) for value in different)]
    drawn = getattr(distribution, "step", None) is None and not categorical
    if (numbers and len(different) > FEW) or (drawn and len(different) > 2):
        edges = np.quantile(values, [1 / 3, 2 / 3])
        level = np.searchsorted(edges, np.asarray(values, float), side="left")
        return Levels(key, distribution, has, values, THIRDS, level, listed=False)
    level = np.array([next(i for i, other in enumerate(different) if equal(value, other)) for value in values])
    return Levels(key, distribution, has, values, tuple(different), level, listed=True)


def _distinct(values: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if not any(equal(value, other) for other in found):
            found.append(value)
    return found
