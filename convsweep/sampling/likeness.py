"""How far an earlier study is like this one, and what of it a sampler is to see; it imports Optuna, as samplers do.

What carries over from one data set to another is the order of configurations, not their values. So the earlier values
are put on this study's scale, and the more the orders disagree, the fewer of the earlier trials are seen.
"""

import copy
import math
from collections.abc import Sequence

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from convsweep.policy.asha import GOLDEN, feasible
from convsweep.space.units import unit
from convsweep.study.warm_start import study_of

TRUST = 5  # an earlier study counts as wholly like this one, as if so many results had said so
NEIGHBOURS = 3  # so many of the earlier configurations foretell a value


def weighed(earlier: Sequence[FrozenTrial], own: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return of each earlier study as large a part as it is like this one, on the scale of this one's values."""
    done = list(filter(_has_values, own))
    seen: list[FrozenTrial] = []
    for study in sorted(set(map(study_of, earlier))):
        trials = [trial for trial in earlier if study_of(trial) == study]
        part = likeness(trials, done)
        kept = [trial for i, trial in enumerate(trials) if i * GOLDEN % 1 < part]
        seen += _scaled(kept, done) if len(done) > 1 else kept
    return seen


def likeness(earlier: Sequence[FrozenTrial], own: Sequence[FrozenTrial]) -> float:
    """Return from 0 to 1 how far the order of a study's results is that which an earlier study foretells.

    It is the rank correlation (Spearman's; of several objectives the mean), to which `TRUST` results are added that
    agree. A correlation below 0 takes from these too.
    """
    known, done = list(filter(_has_values, earlier)), list(filter(_has_values, own))
    if not known or not done:
        return 1.0
    distributions: dict[str, BaseDistribution] = {}
    for trial in (*known, *done):
        distributions |= trial.distributions
    points = np.stack([unit(distributions, trial.params) for trial in known])
    values, seen = np.array([t.values for t in known]), np.array([t.values for t in done])
    foretold = []
    for trial in done:
        distances = np.square(points - unit(distributions, trial.params)).sum(axis=1)
        foretold.append(values[np.argsort(distances, kind="stable")[:NEIGHBOURS]].mean(axis=0))
    agreement = np.mean([_rank_correlation(*columns) for columns in zip(np.array(foretold).T, seen.T, strict=True)])
    return float(np.clip((TRUST + len(done) * agreement) / (TRUST + len(done)), 0, 1))


def _rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    from scipy.stats import spearmanr

    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(getattr(spearmanr(one, other), "statistic"))  # noqa: B009


def _scaled(trials: Sequence[FrozenTrial], own: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return trials with the values that have the same rank among a study's own results."""
    from scipy.stats import rankdata

    known = list(filter(_has_values, trials))
    if not known:
        return list(trials)
    values, targets = np.array([t.values for t in known]), np.array([t.values for t in own])
    ranks = (rankdata(values, axis=0) - 0.5) / len(known)
    scaled = np.stack([np.quantile(targets[:, i], ranks[:, i]) for i in range(values.shape[1])], axis=1)
    new = {trial.number: row for trial, row in zip(known, scaled.tolist(), strict=True)}
    shown = []
    for trial in trials:
        if trial.number in new:
            trial = copy.copy(trial)
            trial.values = new[trial.number]
        shown.append(trial)
    return shown


def _has_values(trial: FrozenTrial) -> bool:
    return (
        trial.state == TrialState.COMPLETE and feasible(trial) and all(map(math.isfinite, trial.values or [math.nan]))
    )
