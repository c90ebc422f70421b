"""Which of the first rungs a trial passes without being judged there: one early look may lie.

Trials are dealt to brackets (Li et al. 2018, "Hyperband"): those of bracket b pass the first b rungs, though what they
report there counts for the others. Such a trial shows, as no other does, whether a rung's order is that of the next:
it went on whatever it was worth. So the shares of the brackets can be learned.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from convsweep.policy.repeats import is_repeat

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

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


def learned(passed: "Sequence[FrozenTrial]", step: int, following: int) -> float | None:
    """Return which share of the trials is to pass a rung unjudged; None while too little is known.

    It is what the rung's order lacks of that at the next rung: 1 less the rank correlation (Spearman's) between them.

    Args:
        passed: The trials that passed it so.
        step: Of the rung.
        following: The step of the next one.
    """
    known = [
        (trial.intermediate_values[step], trial.intermediate_values[following])
        for trial in passed
        if {step, following} <= trial.intermediate_values.keys() and trial.state.name != "FAIL" and not is_repeat(trial)
    ]
    known = [pair for pair in known if all(map(math.isfinite, pair))]
    if len(known) < ENOUGH:
        return None
    import numpy as np

    ranks = []
    for column in zip(*known, strict=True):
        _, which, counts = np.unique(column, return_inverse=True, return_counts=True)
        ranks.append((np.cumsum(counts) - (counts - 1) / 2)[which])  # of equal ones the mean
    agreement = float(np.corrcoef(ranks)[0, 1]) if np.ptp(ranks, axis=1).all() else 0.0
    return min(max(1 - agreement, LEAST), MOST)
