"""Judging a trained model: names and numbers, nothing of any framework."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from src.dataset import Split
from src.training import evaluation_batch_size

if TYPE_CHECKING:
    import keras


LATENCY_RUNS, LATENCY_WARMUP = 50, 5


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


def latency_ms(model: "keras.Model", split: Split) -> float:
    """Return the milliseconds that the model takes for one image: the median of `LATENCY_RUNS`, after warming up."""
    image = split.images[:1]
    seconds = []
    for _ in range(LATENCY_RUNS + LATENCY_WARMUP):
        started = time.perf_counter()
        model.predict_on_batch(image)
        seconds.append(time.perf_counter() - started)
    return 1000 * float(np.median(seconds[LATENCY_WARMUP:]))


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
