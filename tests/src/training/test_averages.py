"""Averaged weights: those that are judged and kept, while others are trained."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from src.config.schedule import Constant
from src.config.training import TrainingConfig
from src.training import Checkpoint, History, finished, fit, prepare, traced
from src.training.averages import Averages
from src.training.batches import training_batches
from src.training.muon import Muon
from src.training.schedule_free import ScheduleFreeAdamW
from tests.helpers.training import GO_ON, PAUSE, data, network

SETTINGS = TrainingConfig(epochs=3, batch_size=16, precision="float32")
MAKE: dict[str, Callable[[], Any]] = {
    "ema": lambda: keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.8),
    "schedule_free": lambda: ScheduleFreeAdamW(0.01, warmup_steps=3, weight_decay=0.01),
    "muon": lambda: Muon(0.01, exclude_layers=["probabilities"]),
}


def train(optimizer: Any, path: Path | None = None, pause: int = 0) -> tuple[History, list[np.ndarray], list]:
    prepare("float32", None)
    model = network()
    judged: list[list[np.ndarray]] = []
    ask = lambda epoch, *_: judged.append(model.get_weights()) or (PAUSE if epoch == pause else GO_ON)  # noqa: E731
    history = fit(model, optimizer, data(), SETTINGS, Constant(), "val_loss", 0, ask, Checkpoint(path))
    return history, model.get_weights(), judged


@pytest.mark.parametrize(
    "name", ["ema", *(pytest.param(name, marks=pytest.mark.slow) for name in ("schedule_free", "muon"))]
)
def test_a_run_that_paused_equals_one_that_ran_through_bit_for_bit(name: str, tmp_path: Path) -> None:
    whole, weights, _ = train(MAKE[name]())
    train(MAKE[name](), tmp_path / "checkpoint.npz", pause=2)
    resumed, same, _ = train(MAKE[name](), tmp_path / "checkpoint.npz")
    for key in ("loss", "val_loss", "val_accuracy"):
        assert [epoch[key] for epoch in resumed.epochs] == [epoch[key] for epoch in whole.epochs]
    for one, other in zip(weights, same, strict=True):
        np.testing.assert_array_equal(one, other)


def by_hand_of_adam() -> tuple[list[float], np.ndarray, np.ndarray]:
    """Average Adam's weights after each step, with momentum 0.8; return losses by epoch, the average, the weights."""
    prepare("float32", None)
    model: Any = network()
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    batches = training_batches(data().train, 16, 0)
    losses, average, trained = [], None, []
    for _ in range(3):
        for images, labels in batches:
            model.train_on_batch(images, labels)
            now = [np.array(weight, "float64") for weight in model.get_weights()]
            average = now if average is None else [0.8 * a + 0.2 * n for a, n in zip(average, now, strict=True)]
        trained = model.get_weights()
        model.set_weights(average)
        losses.append(float(model.evaluate(*data().validation, verbose=0)))
        model.set_weights(trained)
    assert average is not None
    return losses, average[0], trained[0]


def test_what_is_validated_and_kept_is_the_average_of_what_is_trained() -> None:
    traced._kept.clear()  # else an earlier model is fitted, which `ask` does not see
    history, weights, judged = train(MAKE["ema"]())
    losses, average, trained = by_hand_of_adam()
    np.testing.assert_allclose([epoch["val_loss"] for epoch in history.epochs], losses, rtol=1e-4)
    assert history.best_epoch == 3
    np.testing.assert_allclose(weights[0], average, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(judged[2][0], weights[0])
    assert np.abs(trained - weights[0]).max() > 1e-3


def test_putting_in_and_taking_out_changes_no_bit_and_plain_optimizers_are_left_alone() -> None:
    model = network()
    model.compile(MAKE["ema"](), "sparse_categorical_crossentropy")
    model.train_on_batch(*data().train)
    model.train_on_batch(*data().train)
    before = model.get_weights()
    averages = Averages(model)
    averages.put_in()
    assert (model.get_weights()[0] != before[0]).any()
    averages.put_in()
    averages.take_out()
    averages.take_out()
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    model.compile("adam", "sparse_categorical_crossentropy")
    Averages(model).put_in()
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def test_schedulefreeadamw_is_algorithm_1_of_its_paper() -> None:
    rate, decay, warm, b1, b2, eps = 0.1, 0.02, 3, 0.9, 0.99, 1e-8
    rng = np.random.default_rng(0)
    start, slopes = rng.normal(size=5), rng.normal(size=(8, 5))
    variable = keras.Variable(start.astype("float32"))
    optimizer = ScheduleFreeAdamW(rate, beta_1=b1, beta_2=b2, epsilon=eps, warmup_steps=warm, weight_decay=decay)
    optimizer.build([variable])
    z, x, y, v, total = start, start, start, np.zeros(5), 0.0
    for t, slope in enumerate(slopes, start=1):
        gradient = slope + 0.3 * y
        step = rate * min(1.0, t / warm)
        v = b2 * v + (1 - b2) * gradient**2
        z = z - step * (gradient / (np.sqrt(v / (1 - b2**t)) + eps) + decay * y)
        total += step**2
        x = x + step**2 / total * (z - x)
        y = (1 - b1) * z + b1 * x
        optimizer.apply([keras.ops.convert_to_tensor(gradient.astype("float32"))], [variable])
        np.testing.assert_allclose(np.asarray(variable), y, rtol=1e-3, atol=1e-4)
    optimizer.finalize_variable_values([variable])
    np.testing.assert_allclose(np.asarray(variable), x, rtol=1e-3, atol=1e-4)


def test_muon_makes_the_steps_of_convolutions_orthogonal_and_of_the_last_layer_adams() -> None:
    kernel, last = (keras.Variable(np.zeros(shape, "float32"), name=name) for shape, name in
                    (((3, 3, 2, 4), "kernel"), ((6, 4), "probabilities")))  # fmt: skip
    nothing: Any = None
    optimizer = Muon(
        1.0, weight_decay=nothing, adam_weight_decay=nothing, rms_rate=nothing, exclude_layers=["probabilities"]
    )
    optimizer.build([kernel, last])
    rng = np.random.default_rng(0)
    optimizer.apply([keras.ops.convert_to_tensor(rng.normal(size=v.shape).astype("float32")) for v in (kernel, last)])
    scales = np.linalg.svd(np.asarray(kernel).reshape(18, 4), compute_uv=False)
    assert 0.6 < scales.min() <= scales.max() < 1.3
    np.testing.assert_allclose(np.abs(np.asarray(last)), 1, rtol=1e-3)  # Adam's first step


@pytest.mark.parametrize("name", ["schedule_free", "muon"])
def test_a_kept_model_loads_where_only_keras_is(name: str, tmp_path: Path) -> None:
    kept = finished(network(), MAKE[name](), data(), SETTINGS)
    assert type(kept.optimizer).__module__.startswith("keras.")
    kept.save(tmp_path / "model.keras")
    assert "src." not in kept.to_json() + str(kept.get_compile_config())
