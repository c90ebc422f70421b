"""What to type to search a key beyond an end of its values."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from convsweep.insight.levels import FEW, Levels
from convsweep.space.values import as_override_value, is_number

EDGE = 0.1  # of an interval, at either end
MANY = 1000  # steps, and an interval is meant
SAME = 0.01  # steps and ratios that differ by less are the same


def at_edge(levels: Levels, upper: bool) -> np.ndarray | None:
    """Return which of the trials that have the key have it at its upper, or lower, end; None where it has no ends."""
    if not levels.values or not all(map(is_number, levels.values)):
        return None
    values = np.asarray(levels.values, float)
    grid = _grid(levels)
    if grid is not None:
        if len(grid) < 2:
            return None
        end = grid[-1] if upper else grid[0]
        return np.isclose(values, end)
    low, high, log = _interval(levels)
    if log:
        values, low, high = np.log(values), math.log(low), math.log(high)
    width = high - low
    return values >= high - EDGE * width if upper else values <= low + EDGE * width


def override_beyond(levels: Levels, upper: bool) -> str | None:
    """Return the override that searches the better half and what lies beyond; None where values end by nature."""
    grid = _grid(levels)
    if grid is not None:
        new = _following(grid, upper)
        if new is None:
            return None
        kept = grid if len(grid) < 3 else grid[1:] if upper else grid[:-1]
        values = [*kept, new] if upper else [new, *kept]
        if len(values) <= FEW + 1:
            return f"{levels.key}=" + ",".join(map(_number, values))
        step = values[1] - values[0]
        return f"{levels.key}=range({_number(values[0])},{_number(values[-1] + step)},{_number(step)})"
    low, high, log = _interval(levels)
    integers = isinstance(low, int)
    ends = _shifted_log(low, high, upper) if log else _shifted(low, high, upper)
    if integers:
        ends = round(ends[0]), round(ends[1])
    new, old = (ends[1], high) if upper else (ends[0], low)
    if new == old or (integers and ends[0] < 1 <= low):
        return None
    words = f"interval({_number(ends[0])},{_number(ends[1])})"
    words = f"int({words})" if integers else words
    return f"{levels.key}=tag(log,{words})" if log else f"{levels.key}={words}"


def _grid(levels: Levels) -> list[Any] | None:
    """Return all values that can be drawn, ascending; None for an interval."""
    distribution: Any = levels.distribution
    choices = getattr(distribution, "choices", None)
    if choices is not None:
        return sorted(choices) if all(map(is_number, choices)) else None
    low, high, step = distribution.low, distribution.high, distribution.step
    if step is None or (step == 1 and isinstance(low, int) and (high - low >= FEW or distribution.log)):
        return None
    if (high - low) / step > MANY:
        return None
    return [low + i * step for i in range(round((high - low) / step) + 1)]


def _interval(levels: Levels) -> tuple[Any, Any, bool]:
    distribution: Any = levels.distribution
    return distribution.low, distribution.high, distribution.log


def _following(grid: Sequence[Any], upper: bool) -> Any:
    """Return the number that continues a list beyond an end; None where it would be none of its kind."""
    ordered = list(grid) if upper else list(grid)[::-1]
    end, before = ordered[-1], ordered[-2]
    integers = all(isinstance(value, int) for value in ordered)
    if end == 0 or (integers and end == 1 and not upper):  # no share of less than nothing, no layer before the first
        return None
    new = end * end / before if _geometric(ordered) else 2 * end - before
    if new <= 0 <= min(ordered):
        new = end / 2
    if upper and not integers and min(ordered) >= 0 and end <= 1 and new > 1 - SAME:  # a share, by the look of it
        new = (1 + end) / 2
    new = round(new) if integers else float(f"{new:.4g}")
    return None if new in ordered else new


def _geometric(ordered: Sequence[Any]) -> bool:
    if min(ordered) <= 0:
        return False
    steps = np.diff(np.asarray(ordered, float))
    if len(steps) > 1 and np.ptp(steps) <= SAME * abs(steps[-1]):
        return False
    ratio = ordered[-1] / ordered[-2]
    return max(ratio, 1 / ratio) >= 1.5


def _shifted(low: Any, high: Any, upper: bool) -> tuple[Any, Any]:
    middle, half = (low + high) / 2, (high - low) / 2
    if upper:
        share = isinstance(high, float) and low >= 0 and high <= 1 < high + half + SAME
        return middle, (1 + high) / 2 if share else high + half
    new = low - half
    return low / 2 if new < 0 <= low else new, middle


def _shifted_log(low: Any, high: Any, upper: bool) -> tuple[Any, Any]:
    middle, factor = math.sqrt(low * high), math.sqrt(high / low)
    if upper:
        return middle, min(high * factor, 1.0) if isinstance(high, float) and high <= 1 else high * factor
    return low / factor, middle


def _number(value: Any) -> str:
    return as_override_value(value if isinstance(value, int) else float(f"{value:.4g}"))
