from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import keras
import numpy as np

from convsweep.intervals import Mean, share_of
from src.config.objective import TOP, class_of, evaluated, is_own
from src.dataset import Split
from src.evaluation.calibration import Calibration, calibrate
from src.evaluation.confusion import ClassScores, Confusion, count_confusions, most_confused, score_classes
from src.evaluation.own_metric import measure
from src.evaluation.prediction import predict, true_classes
from src.evaluation.ranking import macro_auc, top_k_accuracy


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
    def balanced_accuracy(self) -> float:
        """The mean recall of the classes that have images."""
        return float(self.scores.recall[self.scores.support > 0].mean())

    @property
    def numbers(self) -> dict[str, float]:
        """The scalars, by the names under which they are recorded."""
        few = self.probabilities.shape[1] <= TOP  # any class is among five of five
        return {name: self.number(name) for name in NUMBERS if not (few and name == "top_5_accuracy")}

    def number(self, metric: str, class_names: Sequence[str] = ()) -> float:
        """Return one of `src.config.objective`'s metrics of an evaluation; the recall of a class goes by its name."""
        if is_own(metric):
            return measure(metric, self.true, self.probabilities, class_names)
        if (name := class_of(metric)) is not None:
            return float(self.scores.recall[list(class_names).index(name)])
        return NUMBERS[evaluated(metric) or metric](self)

    def recall_of(self, label: int) -> Mean | None:
        """Return how many images of a class are found, with an interval; None where there are none."""
        count = int(self.scores.support[label])
        return share_of(int(self.confusion[label, label]), count) if count else None

    def most_confused(self, limit: int) -> list[Confusion]:
        """Return the pairs of classes that cost most images, most first."""
        return most_confused(self.confusion, limit)

    def worst_mistakes(self, limit: int) -> np.ndarray:
        """Return the indices of wrongly classified images, int64 [at most limit], the most confident first."""
        wrong = np.flatnonzero(self.predicted != self.true)
        return wrong[np.argsort(-self.confidence[wrong], kind="stable")][:limit]


NUMBERS: dict[str, Callable[[Evaluation], float]] = {
    "log_loss": lambda of: of.log_loss,
    "macro_precision": lambda of: of.scores.macro(of.scores.precision),
    "macro_recall": lambda of: of.scores.macro(of.scores.recall),
    "macro_f1": lambda of: of.scores.macro(of.scores.f1),
    "balanced_accuracy": lambda of: of.balanced_accuracy,
    "top_5_accuracy": lambda of: top_k_accuracy(of.probabilities, of.true, TOP),
    "auc": lambda of: macro_auc(of.probabilities, of.true),
    "ece": lambda of: of.calibration.ece,
}


def evaluate(model: keras.Model, split: Split, flips: bool = False) -> Evaluation:
    """Predict the split's images, once, or with `flips` both ways round."""
    return Evaluation(predict(model, split, flips), true_classes(split))
