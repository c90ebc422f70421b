"""How far apart the parts lie that a trial's value is the mean of, k-fold's folds for one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from convsweep.study.ranking import last_values

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

SPREAD = "convsweep:spread"  # of a trial: a standard deviation for each of its values


def spread_of(trial: "FrozenTrial") -> Sequence[float]:
    """Return the standard deviation of each of a trial's values; none where the app told of none."""
    return trial.system_attrs.get(SPREAD, ())


def values_of(trial: "FrozenTrial", count: int | None = None) -> list[str]:
    """Return each of a trial's values in words, with how far it may be off where that is known.

    Of one that was not trained to its end those at its last step, where it is said how many objectives there are.
    """
    values = (trial.values if count is None else last_values(trial, count)) or []
    spread = spread_of(trial)
    if len(spread) != len(values):
        return [f"{value:.5g}" for value in values]
    return [f"{value:.5g} ± {off:.2g}" for value, off in zip(values, spread, strict=True)]
