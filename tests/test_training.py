"""Fitting: the order of the images, the best epoch, early ends."""

import keras
import numpy as np
import pytest

from src.config.schema import TrainingConfig
from src.dataset import Dataset, Split
from src.training import Diverged, History, fit, prepare
from src.training.backend import fastest_precision
from src.training.batches import evaluation_batch_size, evaluation_batches, training_batches


def split(count: int = 50) -> Split:
    """Images whose brightness tells their class, 0 or 1, and whose corner tells their number."""
    labels = (np.arange(count) % 2).astype("int32")
    images = np.repeat(labels * 200, 16).reshape(count, 4, 4, 1).astype("uint8")
    images[:, 0, 0, 0] = np.arange(count)
    return Split(images, labels)


def data() -> Dataset:
    return Dataset("made", split(64), split(32), None, ("dark", "light"), (1 / 255,), (0.0,))


def network(seed: int = 0) -> keras.Model:
    layers = [keras.Input((4, 4, 1)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten()]
    start = keras.initializers.GlorotUniform(seed)
    dense = keras.layers.Dense(2, "softmax", kernel_initializer=start)  # pyright: ignore[reportArgumentType]
    return keras.Sequential([*layers, dense])


def train(epochs: int = 4, rate: float = 0.01, metric: str = "val_loss", stop_at: int = 0, **config) -> History:
    prepare("float32", None)
    settings = TrainingConfig(epochs=epochs, batch_size=16, precision="float32", **config)
    optimizer = keras.optimizers.SGD(rate)
    return fit(network(), optimizer, data(), settings, metric, 0, lambda epoch, metrics: epoch == stop_at)


def orders(seed: int, epochs: int) -> list[list[int]]:
    batches = training_batches(split(), 16, seed)
    return [[int(n) for images, _ in batches for n in images[:, 0, 0, 0].numpy()] for _ in range(epochs)]


def test_every_image_comes_once_an_epoch_with_its_own_label() -> None:
    seen = {}
    sizes = []
    for images, labels in training_batches(split(), 16, seed=3):
        sizes.append(len(labels))
        seen |= dict(zip(images[:, 0, 0, 0].numpy().tolist(), labels.numpy().tolist(), strict=True))
    assert sizes == [16, 16, 16, 2]
    assert seen == {n: n % 2 for n in range(50)}


def test_the_order_depends_on_the_seed_and_the_epoch_alone() -> None:
    first, second = orders(seed=1, epochs=2)
    assert first != second
    assert orders(seed=1, epochs=2) == [first, second]
    assert orders(seed=2, epochs=1) != [first]


def test_evaluation_keeps_the_order_and_fits_large_images_in_small_batches() -> None:
    batches = list(evaluation_batches(split()))
    assert np.concatenate([images[:, 0, 0, 0].numpy() for images, _ in batches]).tolist() == list(range(50))
    large = Split(np.zeros((1, 512, 512, 3), "uint8"), np.zeros(1, "int32"))
    assert evaluation_batch_size(large) == 1
    assert evaluation_batch_size(split()) > 1000


def test_history_has_each_epoch_and_the_best_one() -> None:
    history = train(epochs=4)
    assert len(history.epochs) == 4
    losses = [epoch["val_loss"] for epoch in history.epochs]
    assert history.best_epoch == 1 + losses.index(min(losses))
    assert history.best["val_loss"] == min(losses)
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "epoch_seconds"} == set(history.best)
    assert history.best["learning_rate"] == pytest.approx(0.01)


def test_the_model_ends_with_the_weights_of_its_best_epoch() -> None:
    prepare("float32", None)
    model, made = network(), data()
    # `loss` falls, so by a metric that is to be minimized the last epoch is best; by one that never improves the first.
    settings = TrainingConfig(epochs=3, batch_size=16, precision="float32")
    seen: list[list[np.ndarray]] = []

    def remember(epoch: int, metrics: dict[str, float]) -> bool:
        seen.append(model.get_weights())
        metrics["val_accuracy"] = 1.0 - epoch
        return False

    history = fit(model, keras.optimizers.SGD(0.1), made, settings, "val_loss", 0, remember)
    for kept, then in zip(model.get_weights(), seen[history.best_epoch - 1], strict=True):
        np.testing.assert_array_equal(kept, then)


def test_early_stopping_and_a_stop_from_outside_end_the_fit() -> None:
    assert len(train(epochs=9, stop_at=2).epochs) == 2
    stale = train(epochs=9, rate=1e-12, metric="val_accuracy", early_stopping=2)
    assert len(stale.epochs) == 1 + 2


def test_a_loss_that_is_no_number_is_a_divergence() -> None:
    with pytest.raises(Diverged, match=r"the loss became (nan|inf) in epoch"):
        train(epochs=3, rate=float("inf"), metric="loss")


def test_precision_is_set_after_the_session_is_cleared() -> None:
    prepare("mixed_bfloat16", None)
    assert keras.config.dtype_policy().name == "mixed_bfloat16"
    prepare("auto", None)
    assert keras.config.dtype_policy().name == fastest_precision()
    prepare("float32", None)
    assert keras.config.dtype_policy().name == "float32"
