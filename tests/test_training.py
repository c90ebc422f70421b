"""Fitting: the order of the images, the learning rate, the best epoch, early ends."""

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from convsweep.workers.memory import resident
from src.config.augmentation import AugmentationConfig
from src.config.dataset import DatasetConfig
from src.config.model import CNN
from src.config.schedule import Constant, Cosine, OneCycle, Plateau, ScheduleConfig
from src.config.schema import TrainingConfig
from src.dataset import Dataset, Split, load
from src.model import build
from src.training import Checkpoint, Diverged, History, Verdict, backend, finished, fit, prepare
from src.training.backend import fastest_precision
from src.training.batches import evaluation_batch_size, evaluation_batches, training_batches
from src.training.schedule import rate_after, rate_by_step

GO_ON, STOP, PAUSE = Verdict.GO_ON, Verdict.STOP, Verdict.PAUSE
ONE_CYCLE = OneCycle(warmup=0.25, initial_divisor=25.0, final_divisor=1e5)


def split(count: int = 50) -> Split:
    """Images whose brightness tells their class, 0 or 1, and whose corner tells their number."""
    labels = (np.arange(count) % 2).astype("int32")
    images = np.repeat(labels * 200, 16).reshape(count, 4, 4, 1).astype("uint8")
    images[:, 0, 0, 0] = np.arange(count)
    return Split(images, labels)


def data() -> Dataset:
    return Dataset("made", split(64), split(32), None, ("dark", "light"), (1 / 255,), (0.0,))


def network(seed: int = 0, shape: tuple[int, ...] = (4, 4, 1), classes: int = 2) -> keras.Model:
    layers = [keras.Input(shape), keras.layers.Rescaling(1 / 255), keras.layers.Flatten()]
    start = keras.initializers.GlorotUniform(seed)
    dense = keras.layers.Dense(classes, "softmax", kernel_initializer=start)  # pyright: ignore[reportArgumentType]
    return keras.Sequential([*layers, dense])


def train(epochs: int = 4, rate: float = 0.01, metric: str = "val_loss", stop_at: int = 0, **config) -> History:
    prepare("float32", None)
    settings = TrainingConfig(epochs=epochs, batch_size=16, precision="float32", **config)
    optimizer = keras.optimizers.SGD(rate)
    return fit(
        network(),
        optimizer,
        data(),
        settings,
        Constant(),
        metric,
        0,
        lambda epoch, *_: STOP if epoch == stop_at else GO_ON,
    )


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


def test_history_has_each_epoch_until_a_stop_from_outside_and_the_best_one() -> None:
    history = train(epochs=9, stop_at=4)
    assert len(history.epochs) == 4
    losses = [epoch["val_loss"] for epoch in history.epochs]
    assert history.best_epoch == 1 + losses.index(min(losses))
    assert history.best["val_loss"] == min(losses)
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "epoch_seconds"} == set(history.best)
    assert history.best["learning_rate"] == pytest.approx(0.01)


def test_early_stopping_leaves_the_model_as_it_was_in_its_best_epoch() -> None:
    prepare("float32", None)
    model = network()
    settings = TrainingConfig(epochs=9, batch_size=16, early_stopping=3, precision="float32")
    seen: list[list[np.ndarray]] = []

    def worse_from_the_third_epoch_on(epoch: int, metrics: dict[str, float], last: bool) -> Verdict:
        seen.append(model.get_weights())
        if epoch == 2:
            model.optimizer.learning_rate = -0.05
        assert last == (epoch == 5)
        return GO_ON

    optimizer = keras.optimizers.SGD(0.05, momentum=0.5)
    history = fit(model, optimizer, data(), settings, Constant(), "val_loss", 0, worse_from_the_third_epoch_on)
    assert (history.best_epoch, len(history.epochs)) == (2, 2 + 3)
    for kept, then in zip(model.get_weights(), seen[1], strict=True):
        np.testing.assert_array_equal(kept, then)


def test_a_loss_that_is_no_number_is_a_divergence() -> None:
    with pytest.raises(Diverged, match=r"the loss became (nan|inf) in epoch"):
        train(epochs=3, rate=float("inf"), metric="loss")


AUGMENTED = AugmentationConfig(rotation_range=10.0, width_shift_range=0.1, horizontal_flip=True)
DROPPING = CNN(
    filters=4, depth=1, dropout=0.5, batch_norm=True, l1=0.0, l2=1e-3, kernel_size=3, stride=1, padding="same",
    pooling="max", dense_units=8, spatial_dropout=0.2,
)  # fmt: skip


def train_digits(
    checkpoint: Checkpoint | None, schedule: ScheduleConfig, pause_after: int = 0, optimizer: str = "Adam"
) -> tuple[list, list]:
    """Train with all that is random, and with an optimizer that remembers; return the history and the weights."""
    prepare("float32", 1)
    digits = load(DatasetConfig("digits", limit=200), 0)
    model = build(DROPPING, digits.input_shape, 10, 7, digits.scale, digits.offset)
    settings = TrainingConfig(epochs=5, batch_size=32, precision="float32")
    chosen = getattr(keras.optimizers, optimizer)(0.003)
    ask = lambda epoch, *_: PAUSE if epoch == pause_after else GO_ON  # noqa: E731
    history = fit(model, chosen, digits, settings, schedule, "val_loss", 7, ask, checkpoint, AUGMENTED)
    assert history.paused == bool(pause_after)
    numbers = [[m[name] for name in ("loss", "val_loss", "val_accuracy", "learning_rate")] for m in history.epochs]
    return [numbers, history.best_epoch], [] if pause_after else model.get_weights()


@pytest.mark.parametrize(
    ("schedule", "optimizer"),
    [
        (ONE_CYCLE, "Adam"),
        pytest.param(Plateau(factor=0.5, patience=1, min_rate=0.0), "Adam", marks=pytest.mark.slow),
        *(
            pytest.param(ONE_CYCLE, name, marks=pytest.mark.slow)
            for name in ("AdamW", "Nadam", "Adamax", "RMSprop", "SGD", "Adagrad", "Adadelta", "Lion")
        ),
    ],
)
def test_a_run_that_paused_equals_one_that_ran_through_bit_for_bit(
    tmp_path: Path, schedule: ScheduleConfig, optimizer: str
) -> None:
    """Dropout, batch norm and augmentation draw the same, and the optimizer remembers the same."""
    checkpoint = Checkpoint(tmp_path / "trial" / "checkpoint.npz")
    whole, weights = train_digits(None, schedule, optimizer=optimizer)
    paused, _ = train_digits(checkpoint, schedule, pause_after=3, optimizer=optimizer)
    assert paused[0] == whole[0][:3]
    resumed, same = train_digits(checkpoint, schedule, optimizer=optimizer)
    assert resumed == whole
    for one, other in zip(weights, same, strict=True):
        np.testing.assert_array_equal(one, other)
    assert [path.name for path in (tmp_path / "trial").iterdir()] == ["checkpoint.npz"]
    checkpoint.remove()
    assert not list((tmp_path / "trial").iterdir())


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "of another model"])
def test_a_checkpoint_that_cannot_be_used_means_a_fresh_start(tmp_path: Path, damage: str) -> None:
    prepare("float32", None)
    path = tmp_path / "checkpoint.npz"
    model = network(shape=(5, 5, 1)) if damage == "of another model" else network()
    model.compile("adam")
    Checkpoint(path).save(model, History([{"val_loss": 1.0}], 1), [])
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 255
    path.write_bytes({"cut": content[: len(content) // 2], "empty": b""}.get(damage, content))
    other = network()
    other.compile("adam")
    before = other.get_weights()
    assert Checkpoint(path).load(other) is None
    for one, same in zip(before, other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, same)


def test_a_full_disk_costs_the_checkpoint_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = network()
    model.compile("adam")
    (tmp_path / "file").touch()
    Checkpoint(tmp_path / "file" / "checkpoint.npz").save(model, History(), [])
    assert "no checkpoint in" in caplog.text


@pytest.mark.slow
def test_models_leave_no_memory_behind() -> None:
    """TensorFlow keeps 12 MB of each traced model, unless it is told to forget."""
    sizes = []
    for _ in range(25):
        train_digits(None, Constant())
        sizes.append(resident())
    assert sizes[-1] - sizes[9] < 60e6


@pytest.mark.parametrize(
    ("vendor", "flags", "precision"),
    [
        ("GenuineIntel", "avx512f avx512_bf16 amx_bf16", "mixed_bfloat16"),
        ("GenuineIntel", "avx512f avx512_bf16", "float32"),
        ("AuthenticAMD", "avx512f avx512_bf16", "mixed_bfloat16"),
        ("AuthenticAMD", "avx2", "float32"),
    ],
)
def test_auto_is_what_the_processor_is_fast_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vendor: str, flags: str, precision: str
) -> None:
    (tmp_path / "cpuinfo").write_text(f"vendor_id\t: {vendor}\nflags\t\t: fpu {flags} sse\n")
    monkeypatch.setattr(backend, "CPU", tmp_path / "cpuinfo")
    assert fastest_precision.__wrapped__() == precision


def test_precision_is_set_after_the_session_is_cleared() -> None:
    prepare("mixed_bfloat16", None)
    assert keras.config.dtype_policy().name == "mixed_bfloat16"
    prepare("auto", None)
    assert keras.config.dtype_policy().name == fastest_precision()
    prepare("float32", None)
    assert keras.config.dtype_policy().name == "float32"


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
]  # fmt: skip


@pytest.mark.parametrize(("schedule", "expected"), BY_STEP)
def test_rates_by_step_follow_their_formula(schedule: Cosine | OneCycle, expected: list[tuple[int, float]]) -> None:
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


def test_label_smoothing_and_what_a_saved_model_knows(tmp_path: Path) -> None:
    prepare("float32", None)
    smoothing, classes = 0.3, 2
    train, (images, numbers) = split(64), split(32)
    vectors = np.eye(classes, dtype="float32")
    parts = train._replace(labels=vectors[train.labels]), Split(images, labels := vectors[numbers])
    one_hot = Dataset("made", *parts, None, ("dark", "light"), None, None)
    settings = TrainingConfig(epochs=1, batch_size=16, label_smoothing=smoothing, precision="float32")
    model = network()
    history = fit(model, keras.optimizers.Adam(0.01), one_hot, settings, ONE_CYCLE, "val_loss", 0, lambda *_: GO_ON)
    targets = (1 - smoothing) * labels + smoothing / classes
    expected = -np.mean(np.sum(targets * np.log(np.asarray(model(images))), axis=1))
    assert history.best["val_loss"] == pytest.approx(expected, rel=1e-5)

    finished(model, keras.optimizers.Adam(0.01), one_hot, settings).save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as file:
        saved = file.read("config.json").decode()
    # Classes of ours would have to be imported before the model can be loaded.
    assert "src." not in saved and "convsweep" not in saved
    assert json.loads(saved)["compile_config"]["optimizer"]["config"]["learning_rate"] == pytest.approx(0.01)
    loaded: Any = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.evaluate(images, labels, verbose=0)[0] == pytest.approx(expected, rel=1e-5)
