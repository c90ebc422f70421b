"""Judging a trained model: names and numbers, nothing of any framework."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from src.dataset import Split
from src.training import evaluation_batch_size

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Evaluation:
    """What a model does on a split.

    Attributes:
        confusion: int64 [classes, classes]; row: true class, column: predicted class.
    """

    confusion: np.ndarray

    @property
    def accuracy(self) -> float:
        return float(np.trace(self.confusion) / self.confusion.sum())


def evaluate(model: "keras.Model", split: Split, classes: int) -> Evaluation:
    """Predict the split's images and count what was taken for what."""
    from sklearn.metrics import confusion_matrix

    size = evaluation_batch_size(split)
    predicted = np.concatenate(
        [
            np.argmax(model(split.images[start : start + size], training=False), axis=-1)
            for start in range(0, len(split.images), size)
        ]
    )
    true = split.labels.argmax(axis=-1) if split.labels.ndim == 2 else split.labels
    return Evaluation(confusion_matrix(true, predicted, labels=np.arange(classes)))
