"""Of two draws for a trial the one that trains faster: in a budget of time what is cheap leaves more for others.

Tried, and no part of the engine: see what benchmarks.policies says of tables by time.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np

from convsweep.policy.pace import PACE, Pace
from convsweep.sampling import draw
from convsweep.sampling.draw import Drawn
from convsweep.space.space import Space
from convsweep.space.units import unit

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

DRAWS = 2  # for a trial; of more of them the fastest is cheap rather than good
ENOUGH = 10  # trials whose pace is known, before anything is said of others'
NEIGHBOURS = 5  # so many of them foretell a pace
BESIDE = 1000  # what is drawn beside an attempt has the number of one that is never made


@contextmanager
def faster_draws() -> Iterator[None]:
    """Let trials have the fastest of some draws, while this lasts."""
    once: Any = draw._attempt

    def attempt(study: "Study", taken: "FrozenTrial", space: Space, *others: Any) -> Drawn:
        *given, first = others
        drawn = [once(study, taken, space, *given, first + i * BESIDE) for i in range(DRAWS)]
        return replace(drawn[fastest(study, space, [found.params for found in drawn])], attempt=first)

    with patch.object(draw, "_attempt", attempt):
        yield


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
