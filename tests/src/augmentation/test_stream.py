"""Copies, and that only training sees them."""

import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from src.augmentation import expanded, rescaled
from src.config.augmentation import AugmentationConfig
from src.config.dataset import DatasetConfig
from src.config.model import CNN
from src.config.schedule import Constant
from src.config.schema import TrainingConfig
from src.dataset import Dataset, Split, load
from src.model import build
from src.training import Checkpoint, Verdict, fit, prepare

AFFINE = AugmentationConfig(
    rotation_range=20, width_shift_range=0.2, height_shift_range=0.1, shear_range=15, zoom_range=0.2,
    horizontal_flip=True, vertical_flip=True,
)  # fmt: skip
CLASSES, SIDE = 40, 6
NUMBERS = np.arange(CLASSES, dtype="int32")
PATTERN = np.arange(SIDE * SIDE).reshape(SIDE, SIDE) * 7 % 251
# One channel is the image's number all over, which no warp changes; the other shows any warp.
NUMBERED = Split(
    np.stack([np.tile(NUMBERS[:, None, None], (1, SIDE, SIDE)), np.tile(PATTERN, (CLASSES, 1, 1))], -1).astype("uint8"),
    NUMBERS,
)


def accuracies(mode: str, reads: str) -> tuple[float, float, float]:
    """Fit a network that needs no training, and return its accuracies in training, validation and afterwards.

    Args:
        mode: As in the settings.
        reads: `number`: its answer is the image's number, so it is right where labels are with their images;
            `pattern`: it is right where the image has not been warped.
    """
    prepare("float32", None)
    ops: Any = keras.ops
    images: Any = keras.Input((SIDE, SIDE, 2))
    number = ops.cast(ops.round(ops.mean(images[..., 0], axis=(1, 2))), "int32")
    warped = ops.cast(ops.any(ops.abs(images[..., 1] - PATTERN.astype("float32")) > 0.5, axis=(1, 2)), "int32")
    answer = number if reads == "number" else (number + warped) % CLASSES
    nothing: Any = keras.layers.Dense(CLASSES, kernel_initializer="zeros")(keras.layers.Flatten()(images))
    model = keras.Model(images, ops.one_hot(answer, CLASSES) + nothing)
    data = Dataset("numbered", NUMBERED, NUMBERED, None, tuple(map(str, NUMBERS)), None, None)
    config = TrainingConfig(epochs=2, batch_size=16, precision="float32")
    settings = dataclasses.replace(AFFINE, mode=mode, copies=2 if mode == "expand" else None)
    optimizer = keras.optimizers.SGD(0.0)
    ask = lambda *_: Verdict.GO_ON  # noqa: E731
    history = fit(model, optimizer, data, config, Constant(), "loss", 3, ask, None, settings)
    images_an_epoch = CLASSES * (3 if mode == "expand" else 1)
    assert optimizer.iterations == 2 * -(-images_an_epoch // 16)
    predicted = model.predict(NUMBERED.images, verbose=0)  # pyright: ignore[reportArgumentType]
    last = history.epochs[-1]
    return last["accuracy"], last["val_accuracy"], float(np.mean(predicted.argmax(-1) == NUMBERS))


@pytest.mark.parametrize(
    ("mode", "reads", "trained"),
    [("stream", "number", 1.0), ("stream", "pattern", 0.0), ("expand", "pattern", pytest.approx(1 / 3))],
)
def test_labels_stay_with_their_images_and_only_training_sees_them_warped(mode: str, reads: str, trained: Any) -> None:
    # A third: with two copies, the originals.
    assert accuracies(mode, reads) == (trained, 1.0, 1.0)


@pytest.mark.parametrize("onehot", [False, True])
def test_expanding_joins_each_images_copies_to_the_originals_with_its_label(onehot: bool) -> None:
    split = NUMBERED._replace(labels=np.eye(CLASSES, dtype="float32")[NUMBERS]) if onehot else NUMBERED
    three = expanded(split, dataclasses.replace(AFFINE, mode="expand", copies=3), 1)
    assert three.images.shape == (4 * CLASSES, SIDE, SIDE, 2)
    assert three.images.dtype == np.uint8
    np.testing.assert_array_equal(three.images[:CLASSES], split.images)
    np.testing.assert_array_equal(three.images[..., 0], np.tile(split.images[..., 0], (4, 1, 1)))
    np.testing.assert_array_equal(three.labels, np.concatenate([split.labels] * 4))
    variants = three.images[CLASSES:, ..., 1].reshape(len(three.images) - CLASSES, -1)
    assert len(np.unique(variants, axis=0)) == len(variants), "every variant is another"
    again = expanded(split, dataclasses.replace(AFFINE, mode="expand", copies=3), 1)
    np.testing.assert_array_equal(again.images, three.images)
    one = expanded(split, dataclasses.replace(AFFINE, mode="expand"), 1)
    assert len(one.images) == len(one.labels) == 2 * CLASSES


DROPPING = CNN(
    filters=4, depth=1, dropout=0.5, batch_norm=True, l1=0.0, l2=1e-3, kernel_size=3, stride=1, padding="same",
    pooling="max", dense_units=8, spatial_dropout=0.2,
)  # fmt: skip


def train_digits(
    augmentation: AugmentationConfig | None, path: Path | None = None, pause: int = 0
) -> tuple[list, list]:
    """Train with dropout, batch norm and an optimizer that remembers; return the history and the weights."""
    prepare("float32", 1)
    digits = load(DatasetConfig("digits", limit=200), 0)
    model = build(DROPPING, digits.input_shape, 10, 7, digits.scale, digits.offset)
    config = TrainingConfig(epochs=4, batch_size=32, precision="float32")
    ask = lambda epoch, *_: Verdict.PAUSE if epoch == pause else Verdict.GO_ON  # noqa: E731
    optimizer = keras.optimizers.Adam(0.003)
    history = fit(
        model, optimizer, digits, config, Constant(), "val_loss", 7, ask, Checkpoint(path), augmentation
    )  # fmt: skip
    assert history.paused == bool(pause)
    numbers = [[metrics[name] for name in ("loss", "val_loss", "val_accuracy")] for metrics in history.epochs]
    return [numbers, history.best_epoch], [] if pause else [*model.get_weights(), model.predict(digits.train.images)]


@pytest.mark.parametrize("mode", ["stream", pytest.param("expand", marks=pytest.mark.slow)])
@pytest.mark.slow
def test_a_run_that_paused_equals_one_that_ran_through_bit_for_bit(tmp_path: Path, mode: str) -> None:
    settings = dataclasses.replace(AFFINE, mode=mode)
    whole, weights = train_digits(settings)
    paused, _ = train_digits(settings, tmp_path / "checkpoint.npz", pause=2)
    assert paused[0] == whole[0][:2]
    resumed, same = train_digits(settings, tmp_path / "checkpoint.npz")
    assert resumed == whole
    for one, other in zip(weights, same, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_without_any_range_the_training_is_the_plain_one_bit_for_bit() -> None:
    plain, weights = train_digits(None)
    same, others = train_digits(AugmentationConfig())
    assert same == plain
    for one, other in zip(weights, others, strict=True):
        np.testing.assert_array_equal(one, other)
    assert train_digits(AFFINE)[0] != plain


def test_what_is_trained_is_the_plain_network(tmp_path: Path) -> None:
    prepare("mixed_bfloat16", None)
    digits = load(DatasetConfig("digits", limit=100), 0)
    model = build(DROPPING, digits.input_shape, 10, 7, digits.scale, digits.offset)
    before = model.get_weights()
    seen: list[list[np.ndarray]] = []
    config = TrainingConfig(epochs=1, batch_size=32, precision="mixed_bfloat16")
    ask = lambda *_: seen.append(model.get_weights()) or Verdict.GO_ON  # noqa: E731
    fit(model, keras.optimizers.SGD(0.1), digits, config, Constant(), "loss", 0, ask, None, AFFINE)
    prepare("float32", None)
    after = model.get_weights()
    assert all((one != other).any() for one, other in zip(before, after, strict=True))
    for one, other in zip(seen[0], after, strict=True):
        np.testing.assert_array_equal(one, other)
    model.save(tmp_path / "model.keras")
    loaded: Any = keras.saving.load_model(tmp_path / "model.keras")
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    assert "augment" not in loaded.to_json()


def test_rescaling_is_the_networks_own_and_only_without_another_scaling() -> None:
    for scaling in ("none", "minmax"):
        data = load(DatasetConfig("digits", scaling=scaling, limit=100), 0)
        assert rescaled(data, None) is data
        changed = rescaled(data, 1 / 255)
        assert changed.scale == (pytest.approx((1 / 255,)) if scaling == "none" else data.scale)
    data = rescaled(load(DatasetConfig("digits", scaling="none", limit=100), 0), 1 / 255)
    model = build(DROPPING, data.input_shape, 10, 7, data.scale, data.offset)
    plain = build(DROPPING, data.input_shape, 10, 7)
    images = data.validation.images
    np.testing.assert_allclose(np.asarray(model(images)), np.asarray(plain(images / np.float32(255))), rtol=1e-5)
