"""What a trained model is kept with."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from src.config.schema import TrainingConfig
from src.training import finished, prepare
from src.training.muon import Muon
from tests.helpers.training import data, network


class OwnSteps(keras.optimizers.Optimizer):
    """Made of nothing of Keras's but the base."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        self.assign_sub(variable, learning_rate * keras.ops.sign(gradient))


class OwnAdam(keras.optimizers.Adam):
    """Adam with a number of its own."""

    def __init__(self, learning_rate: float = 0.001, beta_1: float = 0.9, strength: float = 1.0) -> None:
        super().__init__(learning_rate, beta_1)
        self.strength = strength

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "strength": self.strength}


class OwnRate(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step: Any) -> Any:
        return 0.25

    def get_config(self) -> dict[str, Any]:
        return {}


@pytest.mark.parametrize(
    ("trained_by", "kept_with"),
    [
        (lambda: keras.optimizers.RMSprop(0.25, momentum=0.5), (keras.optimizers.RMSprop, {"momentum": 0.5})),
        (lambda: Muon(0.25, ns_steps=3), (keras.optimizers.Muon, {"ns_steps": 3})),
        (lambda: OwnSteps(0.25), (keras.optimizers.SGD, {})),
        (lambda: OwnAdam(0.25, beta_1=0.5), (keras.optimizers.Adam, {"beta_1": 0.5})),
        (
            lambda: keras.optimizers.SGD(OwnRate(), momentum=0.5),  # pyright: ignore[reportArgumentType]
            (keras.optimizers.SGD, {"momentum": 0.5}),
        ),
    ],
)
def test_it_is_read_where_a_class_of_ones_own_is_not_known(trained_by: Any, kept_with: Any, tmp_path: Path) -> None:
    prepare("float32", None)
    model = network()
    model.compile(optimizer=trained_by(), loss="sparse_categorical_crossentropy")
    kept = finished(model, trained_by(), data(), TrainingConfig(precision="float32"))
    assert model.compiled
    kept.save(tmp_path / "kept.keras")
    loaded: Any = keras.models.load_model(tmp_path / "kept.keras")
    said, (kind, arguments) = loaded.optimizer.get_config(), kept_with
    assert type(loaded.optimizer) is kind
    assert {name: said[name] for name in arguments} == arguments
    assert said["learning_rate"] == pytest.approx(0.25)
    images = np.zeros((2, *model.input_shape[1:]), "uint8")
    np.testing.assert_array_equal(loaded(images), model(images))
