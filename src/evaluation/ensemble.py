"""An ensemble of models that there are: which of them, and what it is worth beside the best alone.

Greedy selection with replacement: Caruana, Niculescu-Mizil, Crew, Ksikes, "Ensemble Selection from Libraries of
Models", ICML 2004. Half of the images select, the others judge: on those that selected it an ensemble looks better
than it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from convsweep.intervals import Mean, mean_of

ROUNDS = 12  # so often a model is added, perhaps one that is in already


@dataclass(frozen=True)
class Ensemble:
    """Some of the models, by their place in what they were selected from, and what they are worth together.

    Attributes:
        counts: How often each member counts; the sum of them is the divisor of the weighted mean.
        best: The best single model on the images that selected.
        accuracy: The ensemble's, on the images that judge.
        gain: By how much it is above the best single model's there, with its 95% interval.
        judged_by: How many images judged.
    """

    counts: dict[int, int]
    best: int
    accuracy: float
    gain: Mean
    judged_by: int


def select(probabilities: np.ndarray, true: np.ndarray, rounds: int = ROUNDS) -> list[int]:
    """Return the models that together are the most accurate, in the order in which they were added.

    Of those that are as accurate the one with the lower log loss is added; the shortest of the best is returned.

    Args:
        probabilities: [models, N, classes].
        true: integer [N].
        rounds: How many are added at most.
    """
    chosen: list[int] = []
    total = np.zeros(probabilities.shape[1:], np.float64)
    scores: list[tuple[float, float]] = []
    for size in range(1, rounds + 1):
        tried = [_score((total + one) / size, true) for one in probabilities]
        best = max(range(len(tried)), key=lambda i: tried[i])
        chosen.append(best)
        scores.append(tried[best])
        total += probabilities[best]
    longest = max(range(rounds), key=lambda i: (scores[i], -i))
    return chosen[: longest + 1]


def find_ensemble(probabilities: Sequence[np.ndarray], true: np.ndarray, seed: int) -> Ensemble | None:
    """Select an ensemble by one half of the images and judge it by the other; None of so few that one half has none.

    Args:
        probabilities: Of each model, float [N, classes].
        true: integer [N].
        seed: Says which image is in which half; each class is divided.
    """
    selecting = _half(true, seed)
    if selecting.all() or not selecting.any():
        return None
    stacked = np.stack(probabilities)
    chosen = select(stacked[:, selecting], true[selecting])
    best = select(stacked[:, selecting], true[selecting], rounds=1)[0]
    judging = ~selecting
    together = stacked[chosen][:, judging].mean(axis=0).argmax(axis=1) == true[judging]
    alone = stacked[best][judging].argmax(axis=1) == true[judging]
    counts = {model: chosen.count(model) for model in sorted(set(chosen))}
    gain = mean_of((together.astype(float) - alone).tolist()).within((-1.0, 1.0))
    return Ensemble(counts, best, float(together.mean()), gain, int(judging.sum()))


def _score(probabilities: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """Return accuracy and negative log loss: both are better if higher."""
    of_true = probabilities[np.arange(len(true)), true]
    loss = -np.log(np.maximum(of_true, np.finfo(np.float16).tiny)).mean()
    return float((probabilities.argmax(axis=1) == true).mean()), -float(loss)


def _half(true: np.ndarray, seed: int) -> np.ndarray:
    """Return a mask of half of the images of each class, bool [N]."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(len(true), bool)
    for label in np.unique(true):
        members = rng.permutation(np.flatnonzero(true == label))
        mask[members[: (len(members) + int(rng.integers(2))) // 2]] = True
    return mask
