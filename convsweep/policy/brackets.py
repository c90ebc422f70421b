"""Which of the first rungs a trial passes without being judged there: one early look may lie.

Trials are dealt to brackets (Li et al. 2018, "Hyperband"): those of bracket b pass the first b rungs, though what they
report there counts for the others. Such a trial shows, as no other does, whether a rung's order is that of the next:
it went on whatever it was worth. So the shares of the brackets can be learned.
"""

import math
from collections.abc import Sequence

BRACKET = "convsweep:bracket"  # of a trial: its bracket, where the shares are learned
EQUAL, LEARNED = "equal", "learned"  # how large the brackets are
GOLDEN = (math.sqrt(5) - 1) / 2  # its multiples, without what is before the point, spread evenly from 0 to 1
# Trials that went past a rung unjudged, before their order counts. Chosen by replay, with the limits: docs/policies.md.
ENOUGH = 5
LEAST, MOST = 0.1, 0.9  # of the trials pass a rung, so that it goes on to be known


def dealt(number: int, shares: Sequence[float]) -> int:
    """Return the bracket of the trial of that number, where of those that get to rung k `shares[k]` pass it."""
    place, part = number * GOLDEN % 1, 1.0
    for rung, share in enumerate(shares):
        part *= share
        if place < 1 - part:
            return rung
    return len(shares)


def equal(brackets: int) -> list[float]:
    """Return the shares with which so many brackets are of the same size."""
    return [1 - 1 / left for left in range(brackets, 1, -1)]


def learned(passed: Sequence[tuple[Sequence[float], Sequence[float]]]) -> float | None:
    """Return which share of the trials is to pass a rung unjudged; None while too little is known.

    It is what the order at the rung lacks of that at the next one: 1 less the rank correlation (Spearman's), of
    several objectives that of the one whose order changes most.

    Args:
        passed: Of each trial that passed the rung so its values there, one an objective, and those at the next one.
    """
    known = [pair for pair in passed if all(map(math.isfinite, (*pair[0], *pair[1])))]
    if len(known) < ENOUGH:
        return None
    import numpy as np

    agreements = []
    for objective in range(len(known[0][0])):
        ranks = []
        for column in ([pair[at][objective] for pair in known] for at in (0, 1)):
            _, which, counts = np.unique(column, return_inverse=True, return_counts=True)
            ranks.append((np.cumsum(counts) - (counts - 1) / 2)[which])  # of equal ones the mean
        agreements.append(float(np.corrcoef(ranks)[0, 1]) if np.ptp(ranks, axis=1).all() else 0.0)
    return min(max(1 - min(agreements), LEAST), MOST)
