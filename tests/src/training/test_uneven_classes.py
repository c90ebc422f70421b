"""Classes of uneven size: weights in the loss, the focal loss, batches in which they come by turns."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from src.config.schedule import Constant
from src.config.training import TrainingConfig
from src.dataset import Dataset, Split
from src.training import Verdict, fit, prepare
from src.training.batches import training_batches
from src.training.losses import encoded, make_loss
from src.training.weights import class_weights

LABELS = np.repeat([0, 1, 2], [20, 6, 1]).astype("int32")
ONE_HOT = np.eye(3, dtype="float32")[LABELS]


@pytest.mark.parametrize("labels", [LABELS, ONE_HOT], ids=["sparse", "onehot"])
def test_balanced_weights_are_those_of_scikit_learn(labels: np.ndarray) -> None:
    from sklearn.utils.class_weight import compute_class_weight

    found = class_weights(labels, 3, "balanced")
    assert found is not None
    np.testing.assert_allclose(list(found.values()), compute_class_weight("balanced", classes=np.arange(3), y=LABELS))
    assert class_weights(labels, 3, "none") is None


def test_effective_weights_follow_the_paper() -> None:
    found = class_weights(LABELS, 3, "effective")
    assert found is not None
    expected = np.array([(1 - 0.999) / (1 - 0.999**n) for n in (20, 6, 1)])
    np.testing.assert_allclose(np.array(list(found.values())) / found[0], expected / expected[0])
    assert np.mean([found[int(label)] for label in LABELS]) == pytest.approx(1)


@pytest.mark.parametrize("how", ["balanced", "effective"])
def test_weights_with_one_class_or_a_class_without_images_are_finite(how: str) -> None:
    assert class_weights(np.zeros(5, int), 1, how) == {0: pytest.approx(1)}
    weights = class_weights(np.zeros(5, int), 2, how)
    assert weights == {0: pytest.approx(1), 1: 0.0}


def config(**settings: Any) -> TrainingConfig:
    return TrainingConfig(epochs=1, batch_size=9, precision="float32", **settings)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_focal_loss_is_that_of_its_paper_for_either_labels(smoothing: float) -> None:
    settings = config(loss="focal", label_smoothing=smoothing)
    split = encoded(Split(np.zeros((27, 2, 2, 1), "uint8"), LABELS), 3, settings)
    np.testing.assert_array_equal(split.labels, ONE_HOT)
    given = np.random.default_rng(0).dirichlet(np.ones(3), 27).astype("float32")
    smooth = ONE_HOT * (1 - smoothing) + smoothing / 3
    expected = -np.sum(smooth * (1 - given) ** 2 * np.log(given), axis=1).mean()
    found = make_loss(split.labels, settings)(split.labels, given)
    assert np.asarray(keras.ops.convert_to_numpy(found)).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("labels", [LABELS, ONE_HOT], ids=["sparse", "onehot"])
def test_in_balanced_batches_the_classes_come_by_turns(labels: np.ndarray) -> None:
    images = np.arange(27, dtype="uint8").reshape(27, 1, 1, 1)
    split = Split(images, labels)

    def epoch(number: int, seed: int = 0) -> list[list[int]]:
        batches = training_batches(split, 9, seed, number, balanced=True)
        return [images.numpy().ravel().tolist() for images, _ in batches]

    first = epoch(0)
    assert [len(batch) for batch in first] == [9, 9, 9], "an epoch is as long as ever"
    for batch in first:
        assert Counter(int(LABELS[i]) for i in batch) == {0: 3, 1: 3, 2: 3}
    of_frequent = [i for batch in first for i in batch if LABELS[i] == 0]
    assert len(set(of_frequent)) == len(of_frequent), "none comes twice while others wait"
    assert epoch(0) == first
    assert epoch(1) != first
    assert epoch(0, seed=1) != first


def data() -> Dataset:
    rng = np.random.default_rng(0)
    images = (LABELS[:, None, None, None] * 40 + rng.integers(0, 100, (27, 4, 4, 1))).astype("uint8")
    split = Split(images, LABELS)
    return Dataset("made", split, split, None, ("a", "b", "c"), (1 / 255,), (0.0,))


def losses(
    measure: Callable[[keras.Model, int], dict[str, float]] | None = None, **settings: Any
) -> list[dict[str, float]]:
    prepare("float32", 1)
    keras.utils.set_random_seed(0)
    layers = [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")]
    model = keras.Sequential([layers[0], keras.layers.Rescaling(1 / 255), *layers[1:]])
    history = fit(
        model, keras.optimizers.SGD(0.1), data(), config(**settings), Constant(), "val_loss", 0,
        lambda *_: Verdict.GO_ON, measure=measure,
    )  # fmt: skip
    return history.epochs


@pytest.mark.slow
def test_a_fit_takes_weights_the_focal_loss_and_balanced_batches() -> None:
    plain = losses()[0]["loss"]
    assert losses()[0]["loss"] == plain
    others = [
        losses(class_weight="balanced")[0]["loss"],
        losses(loss="focal")[0]["loss"],
        losses(balanced_batches=True)[0]["loss"],
        losses(class_weight="effective", loss="focal")[0]["loss"],
    ]
    assert len({plain, *others}) == 5
    assert losses()[0]["loss"] == plain, "no graph of another loss was taken"


def test_more_can_be_measured_after_each_epoch() -> None:
    assert losses(measure=lambda model, epoch: {"val_layers": len(model.layers)})[0]["val_layers"] == 3
