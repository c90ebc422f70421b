"""A loss of one's own."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from src.config.schema import TrainingConfig
from src.training import finished, prepare
from src.training.losses import encoded, kept_loss, make_loss
from tests.helpers.training import data, network

FILE = """
import keras
from keras import ops

def poly(y_true, y_pred, epsilon=1.0):
    return keras.losses.categorical_crossentropy(y_true, y_pred) + epsilon * (1 - ops.sum(y_true * y_pred, axis=-1))

class Halved(keras.losses.Loss):
    def __init__(self, share=0.5):
        super().__init__()
        self.share = share

    def call(self, y_true, y_pred):
        return self.share * keras.losses.categorical_crossentropy(y_true, y_pred)
"""
TRUE = np.eye(3, dtype="float32")[[0, 2]]
GIVEN = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]], "float32")
PLAIN = float(-np.log([0.7, 0.4]).mean())


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "losses_of_mine.py").write_text(FILE)
    monkeypatch.chdir(tmp_path)


def loss_of(loss: Any, **more: Any) -> Any:
    return make_loss(TRUE, TrainingConfig(epochs=1, batch_size=2, loss=loss, **more))


def test_it_is_a_function_with_its_arguments_or_a_class() -> None:
    assert float(loss_of("losses_of_mine.poly")(TRUE, GIVEN)) == pytest.approx(PLAIN + 0.45, rel=1e-5)
    given = {"_target_": "losses_of_mine.poly", "epsilon": 2.0}
    assert float(loss_of(given)(TRUE, GIVEN)) == pytest.approx(PLAIN + 0.9, rel=1e-5)
    assert float(loss_of({"_target_": "losses_of_mine.Halved", "share": 0.25})(TRUE, GIVEN)) == pytest.approx(PLAIN / 4)


def test_labels_are_smoothed_before_it_as_keras_does() -> None:
    found = loss_of({"_target_": "losses_of_mine.poly", "epsilon": 0.0}, label_smoothing=0.3)(TRUE, GIVEN)
    keras_own: Any = keras.losses.CategoricalCrossentropy(label_smoothing=0.3)(TRUE, GIVEN)
    assert float(found) == pytest.approx(float(keras_own), rel=1e-6)


def test_graphs_are_told_apart_by_its_arguments() -> None:
    one, other = (loss_of({"_target_": "losses_of_mine.poly", "epsilon": number}) for number in (1.0, 2.0))
    assert keras.saving.serialize_keras_object(one) != keras.saving.serialize_keras_object(other)


@pytest.mark.slow
def test_a_network_learns_by_it_and_is_kept_without_it(tmp_path: Path) -> None:
    prepare("float32", 1)
    images = data()
    config = TrainingConfig(epochs=1, batch_size=32, loss="losses_of_mine.poly")
    assert encoded(images.train, 2, config).labels.ndim == 2
    assert isinstance(kept_loss(images.train.labels, config), keras.losses.SparseCategoricalCrossentropy)
    kept = finished(network(), keras.optimizers.Adam(), images, config)
    kept.save(tmp_path / "model.keras")
    loaded: Any = keras.saving.load_model(tmp_path / "model.keras")  # compiled, as MLflow does
    assert np.isfinite(loaded.evaluate(images.validation.images, images.validation.labels, verbose=0)).all()
