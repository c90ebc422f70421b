"""Top-k accuracy, AUC and balanced accuracy, against scikit-learn's."""

import warnings

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score, top_k_accuracy_score

from src.config.objective import check_classes
from src.evaluation import Evaluation
from src.evaluation.ranking import macro_auc, top_k_accuracy


def predictions(classes: int, count: int = 300, decimals: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(classes)
    true = rng.integers(classes, size=count)
    raw = np.round(rng.random((count, classes)) + 0.4 * np.eye(classes)[true], decimals)
    return (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32), true


@pytest.mark.parametrize(("classes", "decimals"), [(3, 6), (10, 6), (10, 1)])
def test_the_scores_are_those_of_scikit_learn(classes: int, decimals: int) -> None:
    given, true = predictions(classes, decimals=decimals)
    if decimals == 6:
        assert top_k_accuracy(given, true, 2) == pytest.approx(top_k_accuracy_score(true, given, k=2))
    expected = np.mean([roc_auc_score(true == label, given[:, label]) for label in range(classes)])
    assert macro_auc(given, true) == pytest.approx(expected, abs=1e-9)
    judged = Evaluation(given, true)
    assert judged.balanced_accuracy == pytest.approx(balanced_accuracy_score(true, judged.predicted))
    assert judged.number("val_auc") == judged.number("auc") == judged.numbers["auc"]


def test_classes_without_images_count_for_nothing() -> None:
    given, true = predictions(4)
    kept = true < 3
    judged = Evaluation(given[kept], true[kept])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about labels that were predicted and never true
        assert judged.balanced_accuracy == pytest.approx(balanced_accuracy_score(judged.true, judged.predicted))
    areas = [roc_auc_score(judged.true == label, judged.probabilities[:, label]) for label in range(3)]
    assert judged.number("auc") == pytest.approx(np.mean(areas))
    only = Evaluation(given[true == 0], true[true == 0])
    assert only.number("auc") == 0.5


def test_the_recall_of_a_class_goes_by_its_name() -> None:
    given, true = predictions(3)
    judged = Evaluation(given, true)
    names = ("tulip", "rose", "a b")
    for index, name in enumerate(names):
        assert judged.number(f"recall[{name}]", names) == pytest.approx(judged.scores.recall[index])


def test_metrics_that_do_not_fit_the_classes_are_refused() -> None:
    problems = check_classes(["recall[roes]", "val_recall[tulip]", "top_5_accuracy", "macro_f1"], ("tulip", "rose"))
    assert problems == [
        "`recall[roes]` must name one of the classes tulip, rose, got roes; type e.g. recall[rose]",
        "`top_5_accuracy` must have more than 5 classes to choose from, got 2; type e.g. val_accuracy in its place",
    ]
    assert "top_5_accuracy" not in Evaluation(*predictions(3)).numbers
