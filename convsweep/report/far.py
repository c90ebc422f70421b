"""Trials whose values are so far from all others that a figure with them in view would show nothing else."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from convsweep.report.points import Point

FAR = 10.0  # widths of the middle half, beyond it
ENOUGH = 8  # trials


def far_from_others(points: "Sequence[Point]", best: Sequence[int]) -> set[int]:
    """Return the numbers of those trials that have a value far from the others; never one of the `best`."""
    found: set[int] = set()
    for column in zip(*(point.values for point in points), strict=True):
        found |= {point.number for point, out in zip(points, are_far(column), strict=True) if out}
    return found - set(best)


def are_far(values: Sequence[float]) -> np.ndarray:
    """Return which of some finite numbers are far from the others."""
    numbers = np.asarray(values, float)
    if len(numbers) >= ENOUGH:
        for share in (0.25, 0.05):  # most may be the same
            low, high = np.quantile(numbers, [share, 1 - share])
            with np.errstate(over="ignore"):
                width = high - low
                if width > 0:
                    return (numbers < low - FAR * width) | (numbers > high + FAR * width)
    return np.zeros(len(numbers), bool)


def view_of(values: Sequence[float]) -> tuple[float, float] | None:
    """Return the range of an axis that shows these values, with some room; None where it would be empty."""
    low, high = min(values), max(values)
    room = 0.06 * (high - low)
    return (low - room, high + room) if 0 < room < math.inf else None
