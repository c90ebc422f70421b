"""Whether the order of trials at one step foretells their order at a later one."""

from collections.abc import Sequence

import numpy as np

ENOUGH = 8  # trials that were judged at neither, before their orders say anything
AGREES = 0.25  # Spearman's correlation from which on an order is one to judge by


def foretells(early: Sequence[float], late: Sequence[float]) -> bool:
    """Whether values at a step order trials enough like those at a later one; yes, as long as nobody knows."""
    return len(early) < ENOUGH or agreement(early, late) >= AGREES


def agreement(one: Sequence[float], other: Sequence[float]) -> float:
    """Return Spearman's rank correlation, ties at the mean of their ranks; 0 where one of them has one value alone."""
    ranks = [_ranks(np.asarray(values, float)) for values in (one, other)]
    deviations = [float(rank.std()) for rank in ranks]
    if not all(deviations):
        return 0.0
    return float(np.mean((ranks[0] - ranks[0].mean()) * (ranks[1] - ranks[1].mean())) / np.prod(deviations))


def _ranks(values: np.ndarray) -> np.ndarray:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]
