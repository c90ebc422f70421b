"""Draws near a good configuration; it imports Optuna, so import it where a sampler is about to draw."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial

from convsweep.space.units import scale, value_at

MOVED = 0.5  # the chance of each value to be another one
SPREAD = 0.2  # standard deviation of a number's move, on the (logarithmic) scale that is searched, from 0 to 1


class NearSampler(BaseSampler):
    """Keeps each value of a configuration, or moves it; one moves in any case.

    As the incumbent's draws of PriorBand (Mallik et al. 2023): a number by a normal step inside of its range, a choice
    to any other one. A key that the configuration has not is drawn at random.
    """

    def __init__(self, params: Mapping[str, Any], seed: int) -> None:
        self._params, self._rng, self._random = params, np.random.default_rng(seed), RandomSampler(seed)
        self._moved = {name for name in sorted(params) if self._rng.random() < MOVED}
        if params and not self._moved:
            self._moved = {sorted(params)[self._rng.integers(len(params))]}

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        found = param_distribution
        if param_name not in self._params or not found._contains(found.to_internal_repr(self._params[param_name])):
            return self._random.sample_independent(study, trial, param_name, found)
        value = self._params[param_name]
        if param_name not in self._moved:
            return value
        if isinstance(found, CategoricalDistribution):
            others = [choice for choice in found.choices if choice != value]
            return others[self._rng.integers(len(others))] if others else value
        assert isinstance(found, FloatDistribution | IntDistribution)
        return self._step(found, value)

    def _step(self, found: FloatDistribution | IntDistribution, value: float) -> float:
        """Return a number near another one."""
        start, end, to_scale = scale(found)
        share = (to_scale(value) - start) / (end - start) if end > start else 0.0
        moved = share + SPREAD * self._rng.standard_normal()
        while not 0 <= moved <= 1:
            moved = share + SPREAD * self._rng.standard_normal()
        return value_at(found, moved)
