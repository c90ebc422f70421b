from dataclasses import dataclass
from functools import cached_property

import keras
import numpy as np

from src.dataset import Split
from src.evaluation.calibration import Calibration, calibrate
from src.evaluation.confusion import ClassScores, Confusion, count_confusions, most_confused, score_classes
from src.evaluation.prediction import predict, true_classes


@dataclass(frozen=True)
class Evaluation:
    """What a model says of a split's images; all else follows from that.

    Attributes:
        probabilities: float32 [N, classes].
        true: integer [N], the index of each image's class.
    """

    probabilities: np.ndarray
    true: np.ndarray

    @cached_property
    def predicted(self) -> np.ndarray:
        """The most probable class of each image, int64 [N]."""
        return self.probabilities.argmax(axis=1)

    @cached_property
    def confidence(self) -> np.ndarray:
        """The probability of that class, float32 [N]."""
        return self.probabilities.max(axis=1)

    @cached_property
    def confusion(self) -> np.ndarray:
        """Counts, int64 [classes, classes]; row: true class, column: predicted class."""
        return count_confusions(self.true, self.predicted, self.probabilities.shape[1])

    @cached_property
    def scores(self) -> ClassScores:
        """Precision, recall and F1 by class."""
        return score_classes(self.confusion)

    @cached_property
    def calibration(self) -> Calibration:
        """How often the model is right, by how sure it is."""
        return calibrate(self.confidence, self.predicted == self.true)

    @property
    def accuracy(self) -> float:
        return float(np.mean(self.predicted == self.true))

    @property
    def log_loss(self) -> float:
        """Cross-entropy in nats: of the plain labels, and without the penalties that `val_loss` may hold."""
        of_true = self.probabilities[np.arange(len(self.true)), self.true]
        return float(-np.log(np.maximum(of_true, np.finfo(np.float32).eps), dtype=np.float64).mean())

    @property
    def numbers(self) -> dict[str, float]:
        """The scalars, by the names under which they are recorded."""
        scores = self.scores
        return {
            "log_loss": self.log_loss,
            "macro_precision": scores.macro(scores.precision),
            "macro_recall": scores.macro(scores.recall),
            "macro_f1": scores.macro(scores.f1),
            "ece": self.calibration.ece,
        }

    def most_confused(self, limit: int) -> list[Confusion]:
        """Return the pairs of classes that cost most images, most first."""
        return most_confused(self.confusion, limit)

    def worst_mistakes(self, limit: int) -> np.ndarray:
        """Return the indices of wrongly classified images, int64 [at most limit], the most confident first."""
        wrong = np.flatnonzero(self.predicted != self.true)
        return wrong[np.argsort(-self.confidence[wrong], kind="stable")][:limit]


def evaluate(model: keras.Model, split: Split) -> Evaluation:
    """Predict the split's images, once."""
    return Evaluation(predict(model, split), true_classes(split))
