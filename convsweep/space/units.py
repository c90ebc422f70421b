"""Configurations as points, so that all keys count alike: in distances, and for what learns from them."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from convsweep.space.values import is_number

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

SIDE = math.sqrt(0.5)  # two choices are 1 apart: a side each


def unit(distributions: "Mapping[str, BaseDistribution]", params: Mapping[str, Any]) -> np.ndarray:
    """Return a configuration as a point [columns].

    Numbers count by their distance on the (logarithmic) scale that is searched, from 0 to 1; other values, and
    keys that one has and the other has not, are alike (0) or not (1). Sum of squares.
    """
    columns: list[float] = []
    for name, distribution in distributions.items():
        choices = getattr(distribution, "choices", None)
        if choices is not None:
            columns += [SIDE * (name in params and params[name] == choice) for choice in choices]
        else:
            known = is_number(params.get(name))  # not what a choice was, before the key was made a range
            columns += [SIDE * known, _share(distribution, params[name]) if known else 0.0]
    return np.array(columns)


def _share(distribution: Any, value: float) -> float:
    low, high = distribution.low, distribution.high
    value = min(max(value, low), high)  # a study's range may have changed since
    if distribution.log:
        low, high, value = math.log(low), math.log(high), math.log(value)
    return (value - low) / (high - low) if high > low else 0.0


def scale(distribution: Any) -> tuple[float, float, Callable[[float], float]]:
    """Return both ends of a number's range on the scale that is searched, and what brings a number to that scale.

    Whole numbers and grids have the same room at both ends as between them.
    """
    whole = isinstance(distribution.low, int)
    room = 0.5 * (distribution.step or 0) if not distribution.log or whole else 0.0
    to_scale: Callable[[float], float] = math.log if distribution.log else float
    return to_scale(distribution.low - room), to_scale(distribution.high + room), to_scale


def value_at(distribution: Any, share: float) -> Any:
    """Return the value at a share of the range, from 0 to below 1: of numbers on the scale that is searched."""
    choices = getattr(distribution, "choices", None)
    if choices is not None:
        return choices[int(share * len(choices))]
    start, end, _ = scale(distribution)
    point = start + share * (end - start)
    number = min(max(math.exp(point) if distribution.log else point, distribution.low), distribution.high)
    if distribution.step:
        number = distribution.low + distribution.step * round((number - distribution.low) / distribution.step)
    number = min(number, distribution.high)
    return int(number) if isinstance(distribution.low, int) else number
