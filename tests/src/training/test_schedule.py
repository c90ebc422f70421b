"""The learning rate, by step and on a plateau, beside its formula."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from src.config.dataset import DatasetConfig
from src.config.schedule import Cosine, OneCycle, Plateau, ScheduleConfig, Triangle
from src.config.schema import TrainingConfig
from src.dataset import load
from src.training import Verdict, fit, prepare
from src.training.schedule import rate_after, rate_by_step
from tests.helpers.training import network

GO_ON, STOP, PAUSE = Verdict.GO_ON, Verdict.STOP, Verdict.PAUSE
ONE_CYCLE = OneCycle(warmup=0.25, initial_divisor=25.0, final_divisor=1e5)


def cosine(start: float, end: float, done: float) -> float:
    """Half a cosine from `start` to `end`, of which the fraction `done` is over."""
    return end + (start - end) * (1 + np.cos(np.pi * done)) / 2


BY_STEP = [
    (Cosine(warmup=0.0, final_fraction=0.0), [(n, cosine(0.5, 0, n / 40)) for n in range(41)]),
    (Cosine(warmup=0.0, final_fraction=0.2), [(0, 0.5), (10, cosine(0.5, 0.1, 0.25)), (40, 0.1), (50, 0.1)]),
    (
        Cosine(warmup=0.26, final_fraction=0.2),  # 10 of 40 steps
        [(0, 0.0), (5, 0.25), (10, 0.5), (20, cosine(0.5, 0.1, 1 / 3)), (40, 0.1), (50, 0.1)],
    ),
    (
        ONE_CYCLE,
        [(n, cosine(0.02, 0.5, n / 10)) for n in range(11)]
        + [(n, cosine(0.5, 5e-6, (n - 10) / 30)) for n in range(10, 41)]
        + [(50, 5e-6)],
    ),
    (
        Triangle(warmup=0.25, initial_fraction=0.2, final_fraction=0.1),
        [(0, 0.1), (5, 0.3), (10, 0.5), (25, 0.275), (40, 0.05), (50, 0.05)],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("schedule", "expected"), BY_STEP)
def test_rates_by_step_follow_their_formula(
    schedule: Cosine | OneCycle | Triangle, expected: list[tuple[int, float]]
) -> None:
    rates: Any = rate_by_step(schedule, 0.5, 40)
    steps, values = zip(*expected, strict=True)
    np.testing.assert_allclose([float(rates(step)) for step in steps], values, rtol=1e-5, atol=1e-8)
    in_graph = tf.function(rates)
    assert [float(in_graph(tf.constant(step))) for step in steps[:3]] == [float(rates(step)) for step in steps[:3]]
    again: Any = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(rates))
    assert float(again(steps[2])) == float(rates(steps[2]))


def test_rates_on_a_plateau_are_those_of_reduce_lr_on_plateau() -> None:
    losses = np.random.default_rng(0).normal(size=60).round(1).tolist()
    keras_own = keras.callbacks.ReduceLROnPlateau("val_loss", 0.3, patience=3, min_delta=0, min_lr=1e-4)
    model = network()
    model.compile(keras.optimizers.SGD(0.1))
    keras_own.set_model(model)
    keras_own.on_train_begin()
    schedule = Plateau(factor=0.3, patience=3, min_rate=1e-4)
    for epoch, loss in enumerate(losses):
        keras_own.on_epoch_end(epoch, {"val_loss": loss})
        expected = float(np.asarray(model.optimizer.learning_rate))
        assert rate_after(schedule, 0.1, losses[: epoch + 1]) == pytest.approx(expected)
    assert rate_after(schedule, 0.1, losses) == 1e-4
    assert rate_after(schedule, 1e-5, losses) == 1e-5, "`min_rate` raises no rate"


@pytest.mark.parametrize(
    ("schedule", "rate", "rates"),
    [
        (Cosine(warmup=0.0, final_fraction=0.0), 0.5, [cosine(0.5, 0, n / 4) for n in (1, 2, 3, 4)]),
        (ONE_CYCLE, 0.5, [0.5, *(cosine(0.5, 5e-6, n / 3) for n in (1, 2, 3))]),
        # A rate so small that no epoch after the first has a better loss.
        (Plateau(factor=0.5, patience=1, min_rate=0.0), 2**-90, [2**-90, 2**-90, 2**-91, 2**-92]),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_fit_on_digits_has_the_rates_of_its_schedule(
    schedule: ScheduleConfig, rate: float, rates: list[float]
) -> None:
    prepare("float32", None)
    digits = load(DatasetConfig("digits", limit=200), 0)
    settings = TrainingConfig(epochs=4, batch_size=64, precision="float32")
    model = network(0, digits.input_shape, 10)
    history = fit(model, keras.optimizers.SGD(rate), digits, settings, schedule, "loss", 0, lambda *_: GO_ON)
    np.testing.assert_allclose([metrics["learning_rate"] for metrics in history.epochs], rates, rtol=1e-5, atol=1e-40)
