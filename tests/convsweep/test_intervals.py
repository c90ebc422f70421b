"""Intervals and tests of few numbers are SciPy's."""

import math
from typing import Any, cast

import numpy as np
import pytest
from scipy import stats

from convsweep.intervals import difference_of, mean_of, paired_difference, share_of, unpaired_difference

RNG = np.random.default_rng(0)
SAMPLES = [RNG.normal(0.9, 0.01, count).tolist() for count in (2, 3, 5, 20)]


@pytest.mark.parametrize("values", SAMPLES, ids=len)
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_an_interval_of_a_mean_is_scipys(values: list[float], level: float) -> None:
    mean = mean_of(values, level)
    expected = stats.t.interval(level, len(values) - 1, np.mean(values), stats.sem(values))
    assert (mean.low, mean.high) == pytest.approx(expected)
    assert mean.value == pytest.approx(np.mean(values))
    assert mean.spread == pytest.approx(np.std(values, ddof=1))
    assert mean.holds(mean.value)
    assert not mean.holds(mean.high + 1e-9)


@pytest.mark.parametrize("first", SAMPLES, ids=len)
@pytest.mark.parametrize("second", SAMPLES, ids=len)
def test_a_difference_is_scipys(first: list[float], second: list[float]) -> None:
    found, expected = unpaired_difference(first, second), cast(Any, stats.ttest_ind(first, second, equal_var=False))
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    if len(first) == len(second) and first is not second:
        paired, expected = paired_difference(first, second), cast(Any, stats.ttest_rel(first, second))
        assert paired.p_value == pytest.approx(expected.pvalue)


def test_a_paired_difference_is_scipys_and_sees_what_the_spread_hides() -> None:
    first = SAMPLES[2]
    second = [value - 0.002 + shift for value, shift in zip(first, (0, 1e-4, -1e-4, 2e-4, 0), strict=True)]
    paired, expected = paired_difference(first, second), cast(Any, stats.ttest_rel(first, second))
    assert paired.p_value == pytest.approx(expected.pvalue)
    assert (paired.low, paired.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert paired.is_real()
    assert not unpaired_difference(first, second).is_real()


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_numbers_that_are_equal_but_for_rounding_are_equal(kind: type) -> None:
    first, second = ([float(kind(hits / 15)) for hits in of] for of in ((14, 7, 11), (13, 6, 10)))
    paired = paired_difference(first, second)
    assert not paired.has_ends
    assert not paired.is_real()
    assert not unpaired_difference([0.1 + 0.2, 0.3], [0.2, 0.2]).is_real()
    assert not mean_of([0.1 + 0.2, 0.3]).has_interval
    assert paired_difference([0.1 + 0.2, 0.5], [0.3, 0.5]).p_value == 1
    assert mean_of([1e-9, 2e-9]).has_interval


def test_an_interval_ends_where_no_mean_can_lie() -> None:
    mean = mean_of([0.99, 0.97, 0.9])
    cut = mean.within((0, 1))
    assert mean.high > 1
    assert (cut.low, cut.high, cut.value, cut.count) == (mean.low, 1, mean.value, 3)
    assert mean.is_even
    assert not cut.is_even
    assert mean_of([0.5, 0.51]).within((0, 1)) == mean_of([0.5, 0.51])
    assert mean_of([0.0, 0.1]).within((0, math.inf)).low == 0
    assert mean_of([0.7]).within((0, 1)) == mean_of([0.7]) or math.isnan(mean_of([0.7]).spread)
    assert mean_of([90.0, 91.0]).within((0, 1)).high == 90.5, "percent: bounds that are not its own hide no value"


def test_what_is_cut_off_holds_no_mean_and_the_rest_as_often() -> None:
    """Accuracies near 1: of a thousand intervals of five, as many hold the true mean with the cut as without."""
    rng = np.random.default_rng(0)
    whole = [mean_of(rng.beta(50, 1, 5).tolist()) for _ in range(1000)]
    cut = [mean.within((0, 1)) for mean in whole]
    assert max(mean.high for mean in whole) > 1 >= max(mean.high for mean in cut)
    assert [mean.holds(50 / 51) for mean in whole] == [mean.holds(50 / 51) for mean in cut]


def test_a_difference_of_two_shares_is_one_at_most() -> None:
    found = unpaired_difference([0.1, 0.9], [0.0, 0.4])
    cut = found.within((0, 1))
    assert found.low < -1 and found.high > 1
    assert (cut.low, cut.high, cut.p_value) == (-1, 1, found.p_value)
    assert unpaired_difference([0.1], [0.2]).within((0, 1)).high == math.inf, "one of each says nothing"


@pytest.mark.parametrize(("hits", "count"), [(0, 10), (7, 10), (360, 360), (950, 1000)])
def test_the_interval_of_a_share_is_scipys(hits: int, count: int) -> None:
    expected = stats.binomtest(hits, count).proportion_ci(0.95, method="wilson")
    assert (share_of(hits, count).low, share_of(hits, count).high) == pytest.approx((expected.low, expected.high))


def test_numbers_are_paired_where_their_seeds_are() -> None:
    first, second = {0: 0.9, 1: 0.8, 2: 0.7}, {1: 0.79, 2: 0.69}
    assert difference_of(first, second).paired
    assert difference_of(first, second).value == pytest.approx(0.01)
    assert not difference_of(first, {7: 0.5, 8: 0.6}).paired


def test_too_few_numbers_say_nothing() -> None:
    assert mean_of([0.5]).high == math.inf
    assert math.isnan(mean_of([0.5]).spread)
    for difference in (paired_difference([0.9], [0.1]), unpaired_difference([0.9], [0.1, 0.2])):
        assert not difference.is_real()
        assert difference.high == math.inf


def test_numbers_without_spread_say_nothing_of_how_far_others_would_lie() -> None:
    mean = mean_of([0.5, 0.5]).within((0, 1))
    assert (mean.value, mean.spread, mean.half_width, mean.has_interval) == (0.5, 0, math.inf, False)
    assert paired_difference([0.5, 0.5], [0.5, 0.5]).p_value == 1
    for count, chance in ((2, 1 / 2), (3, 1 / 4), (6, 1 / 32)):
        found = paired_difference([0.95] * count, [0.9] * count)
        assert (found.p_value, found.has_ends, found.is_real()) == (chance, False, count == 6), "a test of signs"
    for count, chance in ((2, 1 / 3), (3, 1 / 10), (4, 1 / 35)):
        found = unpaired_difference([0.5] * count, [0.4] * count)
        expected = stats.permutation_test(([0.5] * count, [0.4] * count), lambda x, y: np.mean(x) - np.mean(y))
        assert found.p_value == pytest.approx(chance) == pytest.approx(expected.pvalue)
        assert found.is_real() == (count == 4)


@pytest.mark.parametrize("seeds", [2, 3])
def test_accuracies_on_few_images_are_not_taken_for_exact(seeds: int) -> None:
    """Networks that are equally good, on 20 images: as seldom as promised one is called better, or a mean is missed."""
    rng, draws = np.random.default_rng(0), 1000
    right = np.append(np.full(17, 0.995), [0.3, 0.6, 0.8])  # how often each image is
    values = rng.binomial(1, right, (2, draws, seeds, 20)).mean(axis=3).tolist()
    called = sum(paired_difference(one, other).is_real() for one, other in zip(*values, strict=True))
    held = sum(mean_of(one).within((0, 1)).holds(right.mean()) for one in values[0])
    assert called <= 0.06 * draws
    assert held >= 0.93 * draws


def test_endless_numbers_say_nothing() -> None:
    endless, plain = [math.inf, 0.5, 0.4], [0.5, 0.6, 0.7]
    assert mean_of(endless).half_width == math.inf
    for difference in (paired_difference(endless, plain), unpaired_difference(plain, endless)):
        assert not difference.is_real()
    assert not unpaired_difference(endless, endless).is_real()
