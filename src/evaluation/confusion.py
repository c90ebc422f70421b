"""What was taken for what, and the scores by class that follow from it."""

from dataclasses import dataclass

import numpy as np


def count_confusions(true: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return counts, int64 [classes, classes]: a row for each true class, a column for each predicted one."""
    cells = np.asarray(true, np.int64) * classes + np.asarray(predicted, np.int64)
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def normalize_rows(counts: np.ndarray) -> np.ndarray:
    """Return each row's shares, float64; a class without images keeps a row of zeros."""
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


@dataclass(frozen=True)
class ClassScores:
    """Scores of each class, float64 [classes]; 0 where there is nothing to divide by.

    Attributes:
        precision: of the images taken for the class, how many are of it.
        recall: of the images of the class, how many were found.
        f1: the harmonic mean of both.
        support: int64; how many images of the class there are.
        occurs: bool; whether any image is of the class, or was taken for it. The macro averages are over these.
    """

    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    support: np.ndarray
    occurs: np.ndarray

    def macro(self, scores: np.ndarray) -> float:
        """Return the mean over the classes that occur, each counting the same."""
        return float(scores[self.occurs].mean())


def score_classes(counts: np.ndarray) -> ClassScores:
    """Return precision, recall and F1 by class for a confusion matrix."""
    hits, true, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    return ClassScores(
        precision=hits / np.maximum(predicted, 1),
        recall=hits / np.maximum(true, 1),
        f1=2 * hits / np.maximum(true + predicted, 1),
        support=true,
        occurs=true + predicted > 0,
    )


@dataclass(frozen=True)
class Confusion:
    """`count` of the `support` images of class `true` were taken for class `predicted`."""

    true: int
    predicted: int
    count: int
    support: int


def most_confused(counts: np.ndarray, limit: int) -> list[Confusion]:
    """Return the pairs of classes that cost most images, most first; of equal ones, the larger share first."""
    wrong = counts * (1 - np.eye(len(counts), dtype=counts.dtype))
    shares = normalize_rows(counts)
    rows, columns = np.nonzero(wrong)
    order = np.lexsort((columns, rows, -shares[rows, columns], -wrong[rows, columns]))[:limit]
    support = counts.sum(axis=1)
    return [
        Confusion(int(i), int(j), int(wrong[i, j]), int(support[i]))
        for i, j in zip(rows[order], columns[order], strict=True)
    ]
