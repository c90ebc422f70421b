"""Models that train again for later trials: the same numbers to the last bit, without a new graph."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from src.config.augmentation import AugmentationConfig
from src.config.dataset import DatasetConfig
from src.config.model import CNN
from src.config.schedule import Constant, OneCycle, Plateau, ScheduleConfig
from src.config.schema import TrainingConfig
from src.dataset import Dataset, load
from src.model import build
from src.training import Checkpoint, Diverged, Verdict, fit, prepare, traced

OFF = AugmentationConfig()
SCHEDULES = [
    OneCycle(warmup=0.25, initial_divisor=25.0, final_divisor=1e5),
    pytest.param(Plateau(factor=0.5, patience=1, min_rate=0.0), marks=pytest.mark.slow),
]
TURNED = AugmentationConfig(rotation_range=10.0, horizontal_flip=True)


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    traced._kept.clear()
    yield
    traced._kept.clear()


def test_short_trials_of_many_structures_are_no_mistake_to_warn_of(caplog: pytest.LogCaptureFixture) -> None:
    @tf.function
    def add(number: int) -> tf.Tensor:
        return tf.constant(number)

    for number in range(8):  # each a graph of its own
        add(number)
    tf.get_logger().warning("another word")
    assert [record.message for record in caplog.records] == ["another word"]


def digits() -> Dataset:
    return load(DatasetConfig("digits", limit=200), 0)


def train(
    optimizer: keras.optimizers.Optimizer,
    seed: int = 0,
    dropout: float = 0.3,
    schedule: ScheduleConfig | None = None,
    augmentation: AugmentationConfig = OFF,
    batch_size: int = 32,
    ask: Any = lambda *_: Verdict.GO_ON,
    checkpoint: Checkpoint | None = None,
    precision: str = "float32",
) -> tuple[list[list[float]], list[np.ndarray]]:
    """Train a small CNN for two epochs; return its history and weights."""
    prepare(precision, 1)
    config = CNN(
        filters=4, depth=1, dropout=dropout, batch_norm=True, l1=0.0, l2=1e-3, kernel_size=3, stride=1,
        padding="same", pooling="max", dense_units=8, spatial_dropout=0.2,
    )  # fmt: skip
    data = digits()
    model = build(config, data.input_shape, 10, seed, data.scale, data.offset)
    settings = TrainingConfig(epochs=2, batch_size=batch_size, precision="float32")
    shape = schedule or Constant()
    history = fit(model, optimizer, data, settings, shape, "val_loss", seed, ask, checkpoint, augmentation)
    numbers = [[m[name] for name in ("loss", "accuracy", "val_loss", "learning_rate")] for m in history.epochs]
    return numbers, model.get_weights()


def the_model() -> keras.Model:
    ((model, _),) = traced._kept.values()
    return model


@pytest.mark.parametrize(
    "optimizer",
    [
        "Adam",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("SGD", "AdamW", "Nadam", "Adamax", "RMSprop", "Adagrad", "Adadelta", "Lion")
        ),
    ],
)
def test_a_model_that_trained_before_gives_what_a_new_one_gives(optimizer: str) -> None:
    make = getattr(keras.optimizers, optimizer)
    new, weights = train(make(0.003), seed=5, augmentation=TURNED)
    traced._kept.clear()
    train(make(0.01), seed=1, augmentation=TURNED, batch_size=64)
    kept = the_model()
    again, same = train(make(0.003), seed=5, augmentation=TURNED)
    assert the_model() is kept
    assert again == new
    for one, other in zip(weights, same, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_schedule_starts_anew(schedule: ScheduleConfig) -> None:
    new, _ = train(keras.optimizers.Adam(0.01), schedule=schedule)
    again, _ = train(keras.optimizers.Adam(0.01), schedule=schedule)
    assert len(traced._kept) == 1
    assert again == new


@pytest.mark.slow
def test_what_changes_the_graph_makes_another_one() -> None:
    train(keras.optimizers.Adam(0.01))
    train(keras.optimizers.Adam(0.02), seed=3, batch_size=16)
    assert len(traced._kept) == 1
    train(keras.optimizers.Adam(0.01, beta_1=0.8))
    train(keras.optimizers.SGD(0.01))
    train(keras.optimizers.Adam(0.01), dropout=0.0)
    train(keras.optimizers.Adam(0.01), augmentation=TURNED)
    assert len(traced._kept) == 5


@keras.saving.register_keras_serializable("tests")
class Boosted(keras.optimizers.SGD):
    """An optimizer that does not say all that it depends on."""

    def __init__(self, boost: float) -> None:
        super().__init__(0.01)
        self._boost = boost

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        super().update_step(gradient * self._boost, variable, learning_rate)


@pytest.mark.slow
def test_who_may_depend_on_more_than_he_says_has_a_graph_of_his_own() -> None:
    train(Boosted(1.0))
    plain, _ = train(keras.optimizers.SGD(0.05))
    boosted, _ = train(Boosted(5.0))
    np.testing.assert_allclose([row[:3] for row in boosted], [row[:3] for row in plain], rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_models_of_half_precision_are_used_again(precision: str) -> None:
    new, _ = train(keras.optimizers.Adam(0.003), seed=5, precision=precision)
    train(keras.optimizers.Adam(0.01), seed=1, precision=precision)
    again, _ = train(keras.optimizers.Adam(0.003), seed=5, precision=precision)
    assert len(traced._kept) == 1
    assert again == new


def test_a_graph_is_traced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    for name in ("train_step", "test_step"):
        step = getattr(keras.Model, name)
        monkeypatch.setattr(keras.Model, name, lambda self, data, n=name, s=step: (calls.append(n), s(self, data))[1])
    train(keras.optimizers.Adam(0.01))
    assert calls == ["train_step", "test_step"]
    train(keras.optimizers.Adam(0.02), batch_size=16)
    assert calls == ["train_step", "test_step"]


@pytest.mark.parametrize("augmentation", [OFF, pytest.param(AugmentationConfig(mixup=0.2), marks=pytest.mark.slow)])
def test_the_accuracy_is_what_keras_means_by_it(
    augmentation: AugmentationConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of labels that are one-hot, to be mixed."""
    ours, weights = train(keras.optimizers.Adam(0.01), augmentation=augmentation)
    traced._kept.clear()
    monkeypatch.setattr(traced, "_accuracy", lambda _: "accuracy")
    theirs, same = train(keras.optimizers.Adam(0.01), augmentation=augmentation)
    assert ours == theirs
    for mine, other in zip(weights, same, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_a_model_left_in_the_middle_is_not_kept() -> None:
    def full(*_: Any) -> Verdict:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        train(keras.optimizers.Adam(0.01), ask=full)
    with pytest.raises(Diverged):
        train(keras.optimizers.SGD(float("inf")))
    assert not traced._kept


@pytest.mark.slow
def test_as_many_are_kept_as_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traced, "MAX_MODELS", 2)
    for momentum in (0.1, 0.2, 0.3):
        train(keras.optimizers.SGD(0.01, momentum))
    train(keras.optimizers.SGD(0.01, 0.2))
    momenta = [model.optimizer.momentum for model, _ in traced._kept.values()]
    assert momenta == [0.3, 0.2], "the latest last"
    monkeypatch.setattr(traced, "MAX_NUMBERS", 10)
    train(keras.optimizers.SGD(0.01, 0.4))
    assert [model.optimizer.momentum for model, _ in traced._kept.values()] == [0.4], "this one is there anyway"


@pytest.mark.parametrize(
    "steps", [3, pytest.param(16, marks=pytest.mark.slow)]
)  # an epoch has 5 to 7: two turns of the loop in the graph and a bit, and less than one
def test_several_steps_at_once_change_no_number(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def trained() -> tuple[list[list[float]], list[np.ndarray]]:
        traced._kept.clear()
        return train(keras.optimizers.Adam(0.003), seed=5, augmentation=TURNED)

    one, weights = trained()
    assert the_model().steps_per_execution == 1
    monkeypatch.setattr(traced, "MANY_STEPS", 10)
    monkeypatch.setattr(traced, "STEPS_PER_EXECUTION", steps)
    several, same = trained()
    assert the_model().steps_per_execution == steps
    assert several == one
    for mine, other in zip(weights, same, strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.slow
def test_a_graph_that_mixes_is_used_again_and_by_none_that_does_not() -> None:
    mixing = AugmentationConfig(mixup=0.2, cutmix=1.0, alternating_flip=True)
    new, weights = train(keras.optimizers.SGD(0.003), seed=5, augmentation=mixing)
    traced._kept.clear()
    train(keras.optimizers.SGD(0.01), seed=1, augmentation=mixing, batch_size=64)
    again, same = train(keras.optimizers.SGD(0.003), seed=5, augmentation=mixing)
    assert again == new
    for one, other in zip(weights, same, strict=True):
        np.testing.assert_array_equal(one, other)
    assert train(keras.optimizers.SGD(0.003), seed=5)[0] != new
    assert len(traced._kept) == 2
