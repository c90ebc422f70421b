"""Conformalized quantile regression as a sampler; it imports Optuna, so import it where a sampler is about to draw.

Salinas et al. 2023, "Optimizing Hyperparameters with Conformal Quantile Regression".
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import intersection_search_space
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from convsweep.policy.asha import feasible
from convsweep.policy.fronts import by_fronts
from convsweep.space.space import Space
from convsweep.space.units import unit, value_at

LEVELS = np.arange(1, 6) / 6  # of the quantiles, evenly spread
CANDIDATES = 1000
TREES, DEPTH = 50, 3  # of each quantile's gradient boosting
HELD_OUT, ENOUGH_TO_HOLD_OUT = 0.1, 32  # the part of the results that corrects the quantiles, where there are so many


class CqrSampler(BaseSampler):
    """Draws what looks best among many random candidates, each judged by a quantile of its own.

    Gradient boosted trees foretell quantiles of a configuration's value. For each candidate one of them is picked at
    random, as Thompson sampling does: what nobody knows much of has a chance to look good. What is held out of many
    results corrects the quantiles, so that they cover as much as they say.

    A pruned trial counts by its last value, one that violates a constraint as the worst, one that still runs as the
    median. Several objectives are one: the place by non-domination, then crowding. Where the study says what is
    searched, its conditions are kept; else it is what all trials have in common.

    Args:
        seed: Of all that is random.
        n_startup_trials: So many results there must be; until then draws are random.
    """

    def __init__(self, seed: int | None = None, n_startup_trials: int = 10) -> None:
        self._rng, self._random = np.random.default_rng(seed), RandomSampler(seed)
        self._n_startup_trials = n_startup_trials

    def reseed_rng(self) -> None:
        self._rng = np.random.default_rng()
        self._random.reseed_rng()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        common = intersection_search_space(study.get_trials(deepcopy=False), include_pruned=True)
        space = _space(study)
        return common | ({name: p.distribution for name, p in space.parameters.items()} if space else {})

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        trials = [other for other in study.get_trials(deepcopy=False) if other.number != trial.number]
        values = results(trials, study.directions)
        if len(values) < max(2, self._n_startup_trials) or not search_space:
            return {}
        known = np.stack([unit(search_space, other.params) for other in trials if other.number in values])
        begun = [other for other in trials if other.state == TrialState.RUNNING and other.params]
        running = [unit(search_space, other.params) for other in begun]
        candidates = self._candidates(search_space, _space(study))
        points = np.stack([unit(search_space, params) for params in candidates])
        foretold = self._foretell(known, np.array(list(values.values())), running, points)
        picked = self._rng.integers(len(LEVELS), size=len(candidates))
        return candidates[int(foretold[picked, np.arange(len(candidates))].argmin())]

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def _candidates(self, search_space: Mapping[str, BaseDistribution], space: Space | None) -> list[dict[str, Any]]:
        """Return random configurations, without keys whose conditions do not hold."""
        columns = [
            [value_at(distribution, share) for share in self._rng.random(CANDIDATES)]
            for distribution in search_space.values()
        ]
        drawn = [dict(zip(search_space, row, strict=True)) for row in zip(*columns, strict=True)]
        return [_active(space, params) for params in drawn] if space and space.conditional else drawn

    def _foretell(
        self, known: np.ndarray, values: np.ndarray, running: Sequence[np.ndarray], points: np.ndarray
    ) -> np.ndarray:
        """Return each quantile at each point [levels, points]."""
        from sklearn.ensemble import GradientBoostingRegressor

        order = self._rng.permutation(len(values))
        held_out = order[: int(HELD_OUT * len(values)) if len(values) >= ENOUGH_TO_HOLD_OUT else 0]
        learned = np.setdiff1d(order, held_out)
        x = np.stack([*known[learned], *running])
        y = np.concatenate([values[learned], np.full(len(running), np.median(values))])
        asked = np.concatenate([known[held_out], points])
        seed = int(self._rng.integers(2**31))
        foretold = np.stack(
            [
                GradientBoostingRegressor(
                    loss="quantile", alpha=level, n_estimators=TREES, max_depth=DEPTH, random_state=seed
                )
                .fit(x, y)
                .predict(asked)
                for level in LEVELS
            ]
        )
        foretold.sort(axis=0)  # trees of different quantiles may cross
        count = len(held_out)
        if count:
            foretold += corrections(LEVELS, foretold[:, :count], values[held_out])[:, None]
        return foretold[:, count:]


def corrections(levels: Sequence[float] | np.ndarray, foretold: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return what to add to each quantile, so that each pair covers as much of what was seen as it says.

    Romano et al. 2019, "Conformalized Quantile Regression".

    Args:
        levels: Of the quantiles [levels], the first and the last making a pair, and so on.
        foretold: The quantiles of what was held out [levels, results].
        seen: What it came to [results].
    """
    added = np.zeros(len(levels))
    for low in range(len(levels) // 2):
        high = len(levels) - 1 - low
        misses = np.sort(np.maximum(foretold[low] - seen, seen - foretold[high]))
        # Of one result more, the next one, so many are to be covered; rounded, or 3 * 4/6 would be above 2.
        covered = math.ceil(round((levels[high] - levels[low]) * (len(seen) + 1), 9))
        margin = misses[min(covered, len(seen)) - 1]
        added[low], added[high] = -margin, margin
    return added


def results(trials: Sequence[FrozenTrial], directions: Sequence[StudyDirection]) -> dict[int, float]:
    """Return a value for each trial that came to something, by number, lower being better.

    One without a value counts as the worst, such as a diverged one.
    """
    signs = [-1 if direction == StudyDirection.MAXIMIZE else 1 for direction in directions]
    done = [trial for trial in trials if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    known: dict[int, list[float]] = {}
    for trial in done:
        values = trial.values if trial.state == TrialState.COMPLETE else None
        if values is None and trial.intermediate_values and len(signs) == 1:
            values = [trial.intermediate_values[max(trial.intermediate_values)]]
        if values is not None and feasible(trial) and all(map(math.isfinite, values)):
            known[trial.number] = [sign * value for sign, value in zip(signs, values, strict=True)]
    if len(signs) > 1:
        found = {number: float(place) for place, number in enumerate(by_fronts(known))}
    else:
        found = {number: values[0] for number, values in known.items()}
    worst = max(found.values(), default=0.0)
    return {trial.number: found.get(trial.number, worst) for trial in done}


def _space(study: Study) -> Space | None:
    return getattr(study, "space", None)


def _active(space: Space, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values without those whose conditions do not hold."""
    kept = {name: value for name, value in params.items() if name not in space.parameters}
    for name, parameter in space.parameters.items():
        if parameter.active(kept):
            kept[name] = params[name]
    return kept
