"""Rates of dropout and weight decay as variables of a graph: Keras's own numbers, and one graph for all of them."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest

from src.config.schedule import Constant, Cosine, OneCycle, ScheduleConfig, Triangle
from src.config.schema import TrainingConfig
from src.dataset import Dataset, Split
from src.training import Verdict, fit, lifted, prepare, traced

ASK: Any = lambda *_: Verdict.GO_ON  # noqa: E731


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    traced._kept.clear()
    yield
    traced._kept.clear()


def images() -> Dataset:
    drawn = np.random.default_rng(0)
    split = Split(drawn.integers(0, 256, (70, 8, 8, 1), np.uint8), drawn.integers(0, 3, 70))
    return Dataset("drawn", split, split, split, ("a", "b", "c"), None, None)


def network(rate: float) -> keras.Model:
    """Build what drops in each way: numbers, numbers of a noise shape of its own, and maps."""
    keras.utils.set_random_seed(3)
    layers = [
        keras.layers.Conv2D(4, 3),
        keras.layers.SpatialDropout2D(rate / 2, seed=1),
        keras.layers.Dropout(rate, noise_shape=(None, 1, None, 4), seed=2),
        keras.layers.Flatten(),
        keras.layers.Dropout(rate, seed=3),
        keras.layers.Dense(3, "softmax", dtype="float32"),
    ]
    return keras.Sequential([keras.Input((8, 8, 1)), *layers])


def train(
    rate: float,
    decay: float | None,
    kind: str = "AdamW",
    precision: str = "float32",
    schedule: ScheduleConfig | None = None,
    learning_rate: float = 0.003,
    batch_size: int = 16,
) -> tuple[list[float], list[np.ndarray], keras.Model]:
    prepare(precision, 1)
    model, optimizer = network(rate), getattr(keras.optimizers, kind)(learning_rate, weight_decay=decay)
    settings = TrainingConfig(epochs=3, batch_size=batch_size, precision=precision)
    history = fit(model, optimizer, images(), settings, schedule or Constant(), "val_loss", 0, ASK)
    numbers = [epoch[name] for epoch in history.epochs for name in ("loss", "val_loss", "learning_rate")]
    return numbers, model.get_weights(), model


def assert_equal(some: list[np.ndarray], others: list[np.ndarray]) -> None:
    for one, other in zip(some, others, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("kind", "precision"),
    [
        ("AdamW", "float32"),
        pytest.param("SGD", "mixed_bfloat16", marks=pytest.mark.slow),
        pytest.param("Lion", "mixed_float16", marks=pytest.mark.slow),
        *(
            pytest.param(name, "float32", marks=pytest.mark.slow)
            for name in ("Adadelta", "Adagrad", "Adam", "Adamax", "Nadam", "RMSprop")
        ),
    ],
)
def test_another_trial_on_the_graph_gets_what_keras_alone_would_give(
    kind: str, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    others, _, _ = train(0.5, 0.3, kind, precision)
    losses, weights, _ = train(0.2, 0.01, kind, precision)
    assert len(traced._kept) == 1, "one graph for both"
    assert losses != others, "the numbers matter here"
    traced._kept.clear()
    monkeypatch.setattr(lifted, "DROPOUTS", ())
    monkeypatch.setattr(lifted, "ATTRIBUTES", {})
    theirs, same, _ = train(0.2, 0.01, kind, precision)
    assert losses == theirs
    assert_equal(weights, same)


@pytest.mark.slow
@pytest.mark.parametrize(
    "schedule",
    [
        Cosine(warmup=0.0, final_fraction=0.1),
        Cosine(warmup=0.3, final_fraction=0.1),
        OneCycle(warmup=0.25, initial_divisor=25.0, final_divisor=1e5),
        Triangle(warmup=0.25, initial_fraction=0.2, final_fraction=0.1),
    ],
)
def test_the_rates_of_a_schedule_are_no_graphs_of_their_own(
    schedule: ScheduleConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with other steps. Keras's constants may be folded: by a reciprocal where it divides, in the last bit."""
    new, weights, _ = train(0.3, 0.1, schedule=schedule)
    traced._kept.clear()
    train(0.3, 0.1, schedule=schedule, learning_rate=0.05, batch_size=32)
    again, same, _ = train(0.3, 0.1, schedule=schedule)
    assert len(traced._kept) == 1
    assert again == new
    assert_equal(weights, same)
    traced._kept.clear()
    monkeypatch.setattr(lifted, "ATTRIBUTES", {})
    theirs, _, _ = train(0.3, 0.1, schedule=schedule)
    np.testing.assert_allclose(new, theirs, rtol=1e-5)


def test_a_fitted_model_says_its_own_numbers_and_is_keras_again() -> None:
    _, _, first = train(0.5, 0.3)
    _, _, second = train(0.2, 0.01)
    for model, rate in ((first, 0.5), (second, 0.2)):
        layer: Any = next(layer for layer in model.layers if type(layer) is keras.layers.Dropout)
        assert layer.get_config()["rate"] == rate
        assert "call" not in vars(layer)
    assert first.optimizer.get_config()["weight_decay"] == 0.3
    ones = np.ones((4, 6, 6, 4), "float32")
    dropped: Any = first.layers[1](ones, training=True)
    assert set(np.unique(dropped)) <= {0.0, np.float32(1 / 0.75)}


def test_no_dropout_and_no_decay_have_graphs_of_their_own() -> None:
    train(0.5, 0.3)
    train(0.0, 0.3)
    assert len(traced._kept) == 2
    train(0.5, None, "Adam")
    train(0.5, 0.1, "Adam")
    assert len(traced._kept) == 4


@keras.saving.register_keras_serializable("tests")
class Half(keras.layers.Dropout):
    """A layer that drops in a way of its own."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        return inputs * (self.rate if training else 1.0)


def test_layers_of_ones_own_keep_their_constants() -> None:
    model = keras.Sequential([keras.Input((4,)), Half(0.3)])
    assert lifted._dropouts(model) == []
    part: Any = keras.saving.serialize_keras_object(model.layers[0])
    assert lifted.without_lifted(part) == part
    assert lifted.without_lifted({"class_name": "Dropout", "config": None}) == {"class_name": "Dropout", "config": None}
