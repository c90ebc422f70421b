"""Every metric against scikit-learn or by hand."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn import metrics

from src.config.schema import TrainingConfig
from src.dataset import Split
from src.evaluation import Evaluation, both_ways, calibrate, evaluate
from src.training import finished
from tests.helpers.training import data, network


@pytest.mark.parametrize("one_hot", [False, True])
def test_confusion_counts_true_by_row_and_predicted_by_column(one_hot: bool) -> None:
    # The model says the brightness of the first pixel.
    model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Lambda(lambda x: x[:, :3])])
    images = np.zeros((6, 2, 2, 1), "uint8")
    for i, predicted in enumerate([0, 1, 1, 2, 2, 2]):
        images[i].reshape(-1)[predicted] = 1
    labels = np.array([0, 0, 1, 2, 2, 1], "int32")
    judged = evaluate(model, Split(images, np.eye(3, dtype="float32")[labels] if one_hot else labels))
    np.testing.assert_array_equal(judged.confusion, [[1, 1, 0], [0, 1, 1], [0, 0, 2]])
    assert judged.accuracy == pytest.approx(4 / 6)


def invent(
    classes: int, images: int, never_true: int = -1, never_predicted: int = -1, skill: float = 2.0
) -> Evaluation:
    """Return an evaluation of a model that is right now and then, without some class."""
    rng = np.random.default_rng(classes)
    true = rng.choice([i for i in range(classes) if i != never_true], images)
    logits = rng.normal(size=(images, classes)) + skill * np.eye(classes)[true]
    if never_predicted >= 0:
        logits[:, never_predicted] = -10
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Evaluation(probabilities.astype(np.float32), true)


CASES = {
    "ten": invent(10, 500),
    "two": invent(2, 50),
    "hundred, most of them missing": invent(100, 60),
    "never true": invent(4, 80, never_true=2),
    "never predicted": invent(4, 80, never_predicted=1),
    "neither": invent(4, 80, never_true=3, never_predicted=3),
    "all right": invent(5, 40, skill=15),
    "one image": invent(3, 1),
}
SCORES = {"precision": metrics.precision_score, "recall": metrics.recall_score, "f1": metrics.f1_score}


@pytest.mark.parametrize("judged", CASES.values(), ids=CASES)
def test_each_metric_is_that_of_scikit_learn(judged: Evaluation) -> None:
    true, predicted, labels = judged.true, judged.predicted, np.arange(judged.probabilities.shape[1])
    np.testing.assert_array_equal(judged.confusion, metrics.confusion_matrix(true, predicted, labels=labels))
    zero: Any = 0.0
    each: Any = None
    for name, score in SCORES.items():
        by_class = score(true, predicted, labels=labels, average=each, zero_division=zero)
        np.testing.assert_allclose(getattr(judged.scores, name), by_class, err_msg=name)
        # Over the classes that occur, which is scikit-learn's choice, too, where it is told of none.
        macro = score(true, predicted, average="macro", zero_division=zero)
        assert judged.numbers[f"macro_{name}"] == pytest.approx(macro), name
    np.testing.assert_array_equal(judged.scores.support, np.bincount(true, minlength=len(labels)))
    assert judged.accuracy == pytest.approx(metrics.accuracy_score(true, predicted))
    exact = judged.probabilities.astype(float)
    expected_loss = metrics.log_loss(true, exact / exact.sum(axis=1, keepdims=True), labels=labels)
    assert judged.log_loss == pytest.approx(expected_loss, rel=1e-5, abs=1e-6)


def test_a_probability_of_zero_costs_much_but_not_infinitely_much() -> None:
    judged = Evaluation(np.array([[1.0, 0.0]], np.float32), np.array([1]))
    assert judged.log_loss == pytest.approx(metrics.log_loss([1], judged.probabilities, labels=[0, 1]))


def test_ece_of_a_hand_worked_example() -> None:
    confidence = np.array([0.95, 0.96, 0.55, 0.4], np.float32)
    right = np.array([True, False, True, False])
    # Bins of 1/15: two images at 0.955 in the mean, half of them right; one at 0.55, right; one at 0.4, wrong.
    expected = 2 / 4 * abs(0.5 - 0.955) + 1 / 4 * abs(1 - 0.55) + 1 / 4 * abs(0 - 0.4)
    found = calibrate(confidence, right)
    assert found.ece == pytest.approx(expected)
    assert found.counts.tolist() == [0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 2]
    np.testing.assert_allclose(found.confidence[[5, 8, 14]], [0.4, 0.55, 0.955], rtol=1e-6)
    np.testing.assert_array_equal(found.accuracy[[5, 8, 14]], [0, 1, 0.5])


def test_a_bin_has_its_upper_edge() -> None:
    edges = (np.arange(6) / 5).astype(np.float32)
    found = calibrate(edges, np.ones(6, bool), bins=5)
    assert found.counts.tolist() == [2, 1, 1, 1, 1]  # 0 goes to the first


def test_a_model_as_sure_as_right_has_no_calibration_error() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.1, 1, 200_000)
    assert calibrate(confidence, rng.random(200_000) < confidence).ece < 0.005
    assert calibrate(np.full(1000, 0.9), np.arange(1000) < 600).ece == pytest.approx(0.3)


def test_the_most_confused_pairs_come_first_and_never_a_class_with_itself() -> None:
    counts = [[90, 10, 0], [3, 5, 0], [3, 0, 97]]
    true = np.repeat(np.arange(9) // 3, np.ravel(counts))
    predicted = np.repeat(np.arange(9) % 3, np.ravel(counts))
    judged = Evaluation(np.eye(3, dtype=np.float32)[predicted], true)
    np.testing.assert_array_equal(judged.confusion, counts)
    pairs = [(pair.true, pair.predicted, pair.count, pair.support) for pair in judged.most_confused(5)]
    assert pairs == [(0, 1, 10, 100), (1, 0, 3, 8), (2, 0, 3, 100)]  # of equal counts the larger share first
    assert len(judged.most_confused(1)) == 1


def test_the_worst_mistakes_are_the_most_confident_ones() -> None:
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7], [0.01, 0.99]], np.float32)
    judged = Evaluation(probabilities, np.array([1, 1, 0, 1, 1]))
    assert judged.worst_mistakes(10).tolist() == [0, 2, 1]
    assert judged.worst_mistakes(2).tolist() == [0, 2]
    assert Evaluation(probabilities, judged.predicted).worst_mistakes(3).tolist() == []


def test_flips_at_test_time_average_the_answers_for_an_image_and_its_mirror_image() -> None:
    flatten = keras.layers.Flatten()
    model = keras.Sequential([keras.Input((2, 3, 1)), flatten, keras.layers.Dense(3, "softmax")])
    images = np.random.default_rng(0).integers(0, 9, (7, 2, 3, 1)).astype("uint8")
    split = Split(images, np.zeros(7, "int32"))
    both = (np.asarray(model(images)) + np.asarray(model(images[:, :, ::-1]))) / 2
    np.testing.assert_allclose(evaluate(model, split, flips=True).probabilities, both, rtol=1e-6)
    np.testing.assert_allclose(evaluate(model, split).probabilities, np.asarray(model(images)), rtol=1e-6)


def test_a_model_that_is_kept_asks_both_ways_by_itself(tmp_path: Path) -> None:
    plain, split = network(), data().validation
    judged = evaluate(plain, split, flips=True).probabilities
    assert np.abs(judged - evaluate(plain, split).probabilities).max() > 0.01
    settings = TrainingConfig(epochs=1, batch_size=16, precision="float32")
    kept = finished(both_ways(plain), keras.optimizers.Adam(), data(), settings)
    kept.save(tmp_path / "model.keras")
    again: Any = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(evaluate(again, split).probabilities, judged, atol=1e-6)
    assert both_ways(again) is again
    for one, other in zip(again.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
