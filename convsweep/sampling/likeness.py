"""How far an earlier study is like this one, and what of it a sampler is to see; it imports Optuna, as samplers do.

What carries over from one data set to another is the order of configurations, not their values. So the earlier values
are put on this study's scale, and the more the orders disagree, the fewer of the earlier trials are seen.
"""

import copy
import math
from collections.abc import Sequence

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from convsweep.policy.asha import feasible, values_at
from convsweep.policy.brackets import GOLDEN
from convsweep.space.units import unit
from convsweep.study.warm_start import study_of

TRUST = 5  # an earlier study counts as wholly like this one, as if so many results had said so
NEIGHBOURS = 3  # so many of the earlier configurations foretell a value
LEAST = 0.3  # how well an earlier study foretells itself, at least: with few trials that is not known


def weighed(
    earlier: Sequence[FrozenTrial],
    own: Sequence[FrozenTrial],
    step: int | None = None,
    direction: StudyDirection | None = None,
) -> list[FrozenTrial]:
    """Return of each earlier study as large a part as it is like this one, on the scale of this one's values.

    Args:
        earlier: The trials of earlier studies.
        own: This study's trials, with what they came to at the same step.
        step: Which one that is, None for their end. Earlier trials are compared there, as far as they reported.
        direction: Of the objective, None for several.
    """
    done = list(filter(_has_values, own))
    seen: list[FrozenTrial] = []
    for study in sorted(set(map(study_of, earlier))):
        trials = [trial for trial in earlier if study_of(trial) == study]
        part = likeness([_at(trial, step) for trial in trials], done)
        kept = [trial for i, trial in enumerate(trials) if i * GOLDEN % 1 < part]
        seen += scaled(kept, done, direction)
    return seen


def likeness(earlier: Sequence[FrozenTrial], own: Sequence[FrozenTrial]) -> float:
    """Return from 0 to 1 how far the order of a study's results is that which an earlier study foretells.

    It is the rank correlation (Spearman's; of several objectives the mean), as a part of that with which the earlier
    study foretells its own results. To it `TRUST` results are added that agree; one below 0 takes from these too.
    """
    known, done = list(filter(_has_values, earlier)), list(filter(_has_values, own))
    if not known or not done:
        return 1.0
    distributions: dict[str, BaseDistribution] = {}
    for trial in (*known, *done):
        distributions |= trial.distributions
    points, asked = (np.stack([unit(distributions, t.params) for t in found]) for found in (known, done))
    values, seen = (np.array([t.values for t in found]) for found in (known, done))
    foretold, itself = _foretold(points, values, asked), _foretold(points, values, points, apart=True)
    agreement = [
        min(
            1.0,
            _rank_correlation(foretold[:, i], seen[:, i]) / max(LEAST, _rank_correlation(itself[:, i], values[:, i])),
        )
        for i in range(values.shape[1])
    ]
    return float(np.clip((TRUST + len(done) * np.mean(agreement)) / (TRUST + len(done)), 0, 1))


def _foretold(points: np.ndarray, values: np.ndarray, asked: np.ndarray, apart: bool = False) -> np.ndarray:
    """Return the mean values of the nearest points, which are not the asked ones themselves where these are `apart`."""
    # The asked one's own length is the same for all points, and left out.
    distances = np.square(points).sum(axis=1) - 2 * asked @ points.T
    if apart:
        np.fill_diagonal(distances, np.inf)
    count = min(NEIGHBOURS, len(points) - apart)
    if not count:
        return np.zeros((len(asked), values.shape[1]))
    return values[np.argpartition(distances, count - 1, axis=1)[:, :count]].mean(axis=1)


def _at(trial: FrozenTrial, step: int | None) -> FrozenTrial:
    """Return a trial with its value at a step, if it reported one there."""
    if step not in trial.intermediate_values or trial.state not in (TrialState.COMPLETE, TrialState.PRUNED):
        return trial
    trial = copy.copy(trial)
    trial.state, trial.values = TrialState.COMPLETE, values_at(trial, step, 1)
    return trial


def _rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    from scipy.stats import spearmanr

    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(getattr(spearmanr(one, other), "statistic"))  # noqa: B009


def scaled(
    trials: Sequence[FrozenTrial], own: Sequence[FrozenTrial], direction: StudyDirection | None = None
) -> list[FrozenTrial]:
    """Return trials with the values that have the same rank among a study's own results; of two and more there.

    Of one objective, whose direction is given, pruned ones are on that scale, too, by their last report: behind all
    that ended, and of two of them the one that got further is ahead.
    """
    from scipy.stats import rankdata

    known, done = list(filter(_has_values, trials)), list(filter(_has_values, own))
    values, targets = ([trial.values for trial in found] for found in (known, done))
    if direction is not None:
        sign = -1 if direction == StudyDirection.MAXIMIZE else 1
        pruned = list(filter(_has_reported, trials))
        order = [(0, 0, sign * value) for (value,) in values]
        order += [(1, -step, sign * value) for step, value in map(_last, pruned)]
        places = {place: sign * number for number, place in enumerate(sorted(set(order)))}
        known, values = [*known, *pruned], [[places[place]] for place in order]
    if not known or len(done) < 2:
        return list(trials)
    ranks = (rankdata(np.array(values), axis=0) - 0.5) / len(known)
    scaled = np.stack([np.quantile(column, ranks[:, i]) for i, column in enumerate(zip(*targets, strict=True))], axis=1)
    new = {trial.number: row for trial, row in zip(known, scaled.tolist(), strict=True)}
    return [_with(trial, new[trial.number]) if trial.number in new else trial for trial in trials]


def _with(trial: FrozenTrial, values: list[float]) -> FrozenTrial:
    trial = copy.copy(trial)
    if trial.state == TrialState.COMPLETE:
        trial.values = values
    else:
        trial.intermediate_values = {_last(trial)[0]: values[0]}
    return trial


def _has_reported(trial: FrozenTrial) -> bool:
    """Whether a trial was pruned after it had reported a value."""
    return trial.state == TrialState.PRUNED and feasible(trial) and math.isfinite(_last(trial)[1])


def _last(trial: FrozenTrial) -> tuple[int, float]:
    """Return a trial's last step, and what it reported there; NaN for nothing."""
    return max(trial.intermediate_values.items(), default=(0, math.nan))


def _has_values(trial: FrozenTrial) -> bool:
    return (
        trial.state == TrialState.COMPLETE and feasible(trial) and all(map(math.isfinite, trial.values or [math.nan]))
    )
