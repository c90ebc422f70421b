"""A metric of one's own, and those of scikit-learn."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import matthews_corrcoef

from src.evaluation.evaluation import Evaluation
from src.evaluation.own_metric import MetricError

FILE = """
def distance(y_true, y_pred, class_names):
    return abs(y_true - y_pred).mean() * len(class_names)

def sure(y_true, y_prob):
    return y_prob.max(axis=1).mean()

def pair(y_true, y_pred):
    return y_true[:2]
"""
JUDGED = Evaluation(
    np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.5, 0.3, 0.2]], "float32"), np.array([0, 2, 1], "uint8")
)
NAMES = ("low", "middle", "high")


def test_those_of_scikit_learn_get_classes_or_probabilities() -> None:
    assert JUDGED.number("sklearn.metrics.accuracy_score") == pytest.approx(2 / 3)
    assert JUDGED.number("sklearn.metrics.matthews_corrcoef") == matthews_corrcoef([0, 2, 1], [0, 2, 0])
    assert JUDGED.number("sklearn.metrics.top_k_accuracy_score") == 1.0  # of probabilities, the best two


def test_ones_own_gets_the_names_of_the_classes_where_it_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "metrics_of_mine.py").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    # The labels are small integers without a sign, where 0 - 1 is 255.
    assert JUDGED.number("metrics_of_mine.distance", NAMES) == pytest.approx(1 / 3 * 3)
    assert JUDGED.number("metrics_of_mine.sure") == pytest.approx(0.6)
    with pytest.raises(MetricError, match=r"metrics_of_mine.pair must return a number, got ndarray: array\(\[0, 2\]\)"):
        JUDGED.number("metrics_of_mine.pair")
