"""Of some draws the one that trains faster: in a budget of time what is cheap leaves more of it for others."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from convsweep.policy.pace import PACE, Pace
from convsweep.space.space import Space
from convsweep.space.units import unit

if TYPE_CHECKING:
    from optuna import Study

DRAWS = 2  # for a trial; of more of them the fastest is cheap rather than good
ENOUGH = 10  # trials whose pace is known, before anything is said of others'
NEIGHBOURS = 5  # so many of them foretell a pace


def fastest(study: "Study", space: Space, drawn: Sequence[Mapping[str, Any]]) -> int:
    """Return which of some configurations is expected to take the least time a step, 0 while nobody knows.

    The logarithm of the seconds is the mean of those trials' that are most like it, the nearer ones counting more.
    """
    paces = [(t.params, Pace.of(t).step) for t in study.get_trials(deepcopy=False) if PACE in t.system_attrs]
    known = [(params, math.log(step)) for params, step in paces if step]
    if len(known) < ENOUGH:
        return 0
    distributions = {name: parameter.distribution for name, parameter in space.parameters.items()}
    points = np.stack([unit(distributions, params) for params, _ in known])
    seconds = np.array([step for _, step in known])
    expected: list[float] = []
    for params in drawn:
        distances = np.square(points - unit(distributions, params)).sum(axis=1)
        near = np.argsort(distances, kind="stable")[:NEIGHBOURS]
        expected.append(float(np.average(seconds[near], weights=1 / (distances[near] + 1e-3))))
    return int(np.argmin(expected))
