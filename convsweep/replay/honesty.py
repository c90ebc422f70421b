"""What a search says of its best beside what is true: the best of many trials is the luckiest as well."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from convsweep.intervals import Mean


@dataclass(frozen=True)
class Outcome:
    """What a search said and what was true; more is better.

    Attributes:
        said: The value that is reported of the winner.
        true: The winner's true value.
        best: The best true value among what was tried.
        mean: The winner's mean over fresh seeds, None without any.
    """

    said: float
    true: float
    best: float
    mean: Mean | None = None


def too_high(outcomes: Sequence[Outcome]) -> float:
    """Return by how much the winner is reported too good, in the mean."""
    return statistics.fmean(one.said - one.true for one in outcomes)


def off_by(outcomes: Sequence[Outcome]) -> float:
    """Return how far off the report is, either way: the root of the mean square."""
    return math.sqrt(statistics.fmean((one.said - one.true) ** 2 for one in outcomes))


def missed(outcomes: Sequence[Outcome]) -> float:
    """Return how much worse the winner is than the best that was tried, in the mean."""
    return statistics.fmean(one.best - one.true for one in outcomes)


def intervals(outcomes: Sequence[Outcome]) -> tuple[int, int, float] | None:
    """Return how often the winner's interval held the truth, of how many, and its median half width; None without."""
    known = [(one.mean, one.true) for one in outcomes if one.mean is not None and one.mean.has_interval]
    if not known:
        return None
    held = sum(mean.holds(true) for mean, true in known)
    return held, len(known), statistics.median(mean.half_width for mean, _ in known)
