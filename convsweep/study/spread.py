"""How far apart the parts lie that a trial's value is the mean of, k-fold's folds for one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

SPREAD = "convsweep:spread"  # of a trial: a standard deviation for each of its values


def spread_of(trial: "FrozenTrial") -> Sequence[float]:
    """Return the standard deviation of each of a trial's values; none where the app told of none."""
    return trial.system_attrs.get(SPREAD, ())


def values_of(trial: "FrozenTrial") -> list[str]:
    """Return each of a trial's values in words, with how far it may be off where that is known."""
    values = trial.values or []
    spread = spread_of(trial)
    if len(spread) != len(values):
        return [f"{value:.5g}" for value in values]
    return [f"{value:.5g} ± {off:.2g}" for value, off in zip(values, spread, strict=True)]
