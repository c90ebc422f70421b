"""Scores that look beyond the most probable class: how high the true one ranks, and how well each is told apart."""

import numpy as np


def top_k_accuracy(probabilities: np.ndarray, true: np.ndarray, k: int) -> float:
    """Return the share of images whose true class is among the `k` most probable; of equal ones the first count.

    Args:
        probabilities: [N, classes].
        true: integer [N].
        k: 1 gives the accuracy.
    """
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return float((best == true[:, None]).any(axis=1).mean())


def macro_auc(probabilities: np.ndarray, true: np.ndarray) -> float:
    """Return the area under the ROC curve of each class against all others, averaged over the classes.

    It is the chance that an image of the class gets more of its probability than one of another class, where a tie
    is half a chance. Over the classes that have images and lack some; without such a class, 0.5.
    """
    areas = []
    for label in range(probabilities.shape[1]):
        of_class = true == label
        count, others = int(of_class.sum()), int((~of_class).sum())
        if count and others:
            ranks = _ranks(probabilities[:, label])
            areas.append((ranks[of_class].sum() - count * (count + 1) / 2) / (count * others))
    return float(np.mean(areas)) if areas else 0.5


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return the rank of each value from 1, float64; equal ones share the mean of theirs."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[group]
