"""How far a mean of few numbers can be trusted: Student's intervals and tests, as SciPy has them.

Two means of runs with the same seeds are compared by their differences (paired), those of other runs by Welch's test.
Numbers that are all equal say nothing of how far others would lie: of few images two or three seeds often name as many.
Their mean has no interval, and a difference is tested by how rarely chance would order the numbers so (permutation).
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

LEVEL = 0.95  # of an interval
ANYWHERE = (-math.inf, math.inf)
ROUNDING = 3e-7  # how far numbers are apart that are equal but for single precision, beside the largest of them


@dataclass(frozen=True)
class Mean:
    """A mean with its interval; that of a single number, or of equal ones, is endless.

    Attributes:
        value: The mean.
        low: The interval's lower end.
        high: Its upper end.
        spread: The standard deviation of the numbers, of a sample (n - 1); NaN for a single one.
        count: How many numbers there are.
    """

    value: float
    low: float
    high: float
    spread: float
    count: int

    @property
    def has_interval(self) -> bool:
        """Whether it is known how far the numbers spread."""
        return self.spread > 0

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2

    @property
    def is_even(self) -> bool:
        """Whether the interval reaches as far to either side."""
        return math.isclose(self.high - self.value, self.value - self.low, rel_tol=1e-9, abs_tol=1e-12)

    def within(self, bounds: tuple[float, float]) -> "Mean":
        """Return it with the interval cut at the bounds of what is measured, 0 and 1 of an accuracy.

        No mean lies in what is cut off: the rest holds it as often as the whole.
        """
        if not self.has_interval:
            return self
        low, high = max(self.low, min(bounds[0], self.value)), min(self.high, max(bounds[1], self.value))
        return replace(self, low=low, high=high)

    def holds(self, truth: float) -> bool:
        """Whether the interval has it."""
        return self.low <= truth <= self.high


@dataclass(frozen=True)
class Difference:
    """How much larger one mean is than another.

    Attributes:
        value: The difference of the means.
        low: The interval's lower end.
        high: Its upper end.
        p_value: The chance of a difference as large as this, either way, if there were none; 1 where nothing can be
            said.
        paired: Whether the numbers were compared one by one.

    Numbers that do not spread give it a p-value, but no ends.
    """

    value: float
    low: float
    high: float
    p_value: float
    paired: bool

    @property
    def has_ends(self) -> bool:
        """Whether it is known how far the numbers spread."""
        return math.isfinite(self.high)

    def within(self, bounds: tuple[float, float]) -> "Difference":
        """Return it with the interval cut at how far two means between these bounds can be apart."""
        reach = max(bounds[1] - bounds[0], abs(self.value))
        return self if not self.has_ends else replace(self, low=max(self.low, -reach), high=min(self.high, reach))

    def is_real(self, level: float = LEVEL) -> bool:
        """Whether it is more than noise."""
        return self.p_value < 1 - level


def mean_of(values: Sequence[float], level: float = LEVEL, scale: float = 0.0) -> Mean:
    """Return the mean of at least one number, with Student's interval.

    Args:
        values: The numbers.
        level: Of the interval.
        scale: How large the numbers are that these were computed from, where these are differences.
    """
    mean, count = statistics.fmean(values), len(values)
    if count < 2 or not math.isfinite(mean):
        return Mean(mean, -math.inf, math.inf, math.nan, count)
    spread = statistics.stdev(values)
    if spread <= ROUNDING * max(scale, *map(abs, values)):
        return Mean(mean, -math.inf, math.inf, 0.0, count)
    half = _quantile(level, count - 1) * spread / math.sqrt(count)
    return Mean(mean, mean - half, mean + half, spread, count)


def share_of(hits: int, count: int, level: float = LEVEL) -> Mean:
    """Return the share of hits among so many, at least one, with Wilson's interval.

    Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22, 1927.
    """
    from scipy.special import ndtri

    share, z = hits / count, float(ndtri((1 + level) / 2))
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    spread = math.sqrt(share * (1 - share) * count / (count - 1)) if count > 1 else math.nan
    return Mean(share, centre - half, centre + half, spread, count)


def paired_difference(first: Sequence[float], second: Sequence[float], level: float = LEVEL) -> Difference:
    """Return how much larger the first numbers are than the second, each compared with the one in its place.

    Raises:
        ValueError: There are not as many of either.
    """
    scale = max(map(abs, (*first, *second)))
    mean = mean_of([one - other for one, other in zip(first, second, strict=True)], level, scale)
    if mean.count < 2 or not math.isfinite(mean.value):
        return Difference(mean.value, mean.low, mean.high, 1.0, paired=True)
    if mean.spread == 0:
        chance = (
            2.0 ** (1 - mean.count) if abs(mean.value) > ROUNDING * scale else 1.0
        )  # either of each two may be the larger
        return Difference(mean.value, mean.low, mean.high, chance, paired=True)
    error = mean.spread / math.sqrt(mean.count)
    return Difference(mean.value, mean.low, mean.high, _p_value(mean.value, error, mean.count - 1), paired=True)


def unpaired_difference(first: Sequence[float], second: Sequence[float], level: float = LEVEL) -> Difference:
    """Return how much larger the first numbers are than the second, which may spread more or less (Welch's test)."""
    value = statistics.fmean(first) - statistics.fmean(second)
    if min(len(first), len(second)) < 2 or not math.isfinite(value):
        return Difference(value, -math.inf, math.inf, 1.0, paired=False)
    parts = [statistics.variance(numbers) / len(numbers) for numbers in (first, second)]
    error = math.sqrt(sum(parts))
    scale = max(map(abs, (*first, *second)))
    if error <= ROUNDING * scale:
        differs = abs(value) > ROUNDING * scale
        chance = 2 / math.comb(len(first) + len(second), len(first)) if differs else 1.0
        return Difference(value, -math.inf, math.inf, chance, paired=False)
    shares = [part**2 / (len(numbers) - 1) for part, numbers in zip(parts, (first, second), strict=True)]
    freedom = sum(parts) ** 2 / sum(shares)
    half = _quantile(level, freedom) * error
    return Difference(value, value - half, value + half, _p_value(value, error, freedom), paired=False)


def difference_of(first: Mapping[int, float], second: Mapping[int, float], level: float = LEVEL) -> Difference:
    """Return how much larger the first numbers are, each under its seed's number: paired where two have the same."""
    both = sorted(first.keys() & second.keys())
    if len(both) > 1:
        return paired_difference([first[i] for i in both], [second[i] for i in both], level)
    return unpaired_difference(list(first.values()), list(second.values()), level)


def _quantile(level: float, freedom: float) -> float:
    """Return how many standard errors an interval reaches to either side."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))


def _p_value(value: float, error: float, freedom: float) -> float:
    from scipy.special import stdtr

    return 2 * float(stdtr(freedom, -abs(value / error)))
