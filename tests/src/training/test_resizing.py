"""Progressive resizing: sizes by epoch, one graph for all, and networks that cannot."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from src.config.augmentation import AugmentationConfig
from src.config.dataset import DatasetConfig
from src.config.model import Airbench
from src.config.schedule import Constant
from src.config.training import TrainingConfig
from src.dataset import load
from src.model import build
from src.training import Checkpoint, Verdict, fit, prepare, takes_size
from src.training.resizing import Resize, size_in
from tests.helpers.training import network

SMALL = Airbench(filters=2, depth=8, dropout=0.0, batch_norm=True, l1=0.0, l2=0.0, bias_scale=64.0)
STRONG = AugmentationConfig(
    rotation_range=10, random_crop=1, alternating_flip=True, color_jitter=0.3, rand_augment=0.3, random_erasing=0.3,
    mixup=0.2, cutmix=1.0,
)  # fmt: skip


def sized(sizes: list[int], epochs: int = 4) -> TrainingConfig:
    return TrainingConfig(epochs=epochs, batch_size=32, precision="float32", progressive_resizing=sizes)


def test_the_smaller_side_grows_evenly_from_start_to_end() -> None:
    assert [size_in(epoch, sized([8, 14]), 20, 20) for epoch in range(4)] == [(8, 8), (10, 10), (12, 12), (14, 14)]
    assert size_in(0, sized([8, 14]), 40, 20) == (16, 8)
    assert size_in(0, sized([8, 14], epochs=1), 20, 20) == (14, 14)


def test_only_training_images_are_resized_and_those_of_their_own_size_stay_as_they_are() -> None:
    images = np.random.default_rng(0).uniform(0, 255, (3, 9, 9, 1)).astype("float32")
    layer = Resize()
    layer.set(5, 6)
    assert layer(images, training=True).shape == (3, 5, 6, 1)
    np.testing.assert_array_equal(np.asarray(layer(images, training=False)), images)
    layer.set(9, 9)
    np.testing.assert_allclose(np.asarray(layer(images, training=True)), images, atol=1e-3)
    assert layer.weights == []


def test_a_network_that_takes_one_size_is_found() -> None:
    pooled = keras.Sequential(
        [
            keras.Input((9, 9, 1)),
            keras.layers.Conv2D(2, 3),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )
    images: Any = keras.Input((9, 9, 1))
    assert takes_size(keras.Model(images, pooled(images)), 5)
    assert not takes_size(network(shape=(9, 9, 1)), 5)


def train(augmentation: AugmentationConfig, path: Path | None = None, pause: int = 0) -> tuple[list, list]:
    prepare("float32", 1)
    digits = load(DatasetConfig("digits", limit=150), 0)
    model = build(SMALL, digits.input_shape, 10, 7, digits.scale, digits.offset)
    ask = lambda epoch, *_: Verdict.PAUSE if epoch == pause else Verdict.GO_ON  # noqa: E731
    config = sized([5, 8], epochs=3)
    config.class_weight = "balanced"
    optimizer = keras.optimizers.SGD(0.05, momentum=0.9, use_ema=True, ema_momentum=0.9)
    history = fit(model, optimizer, digits, config, Constant(), "val_loss", 7, ask, Checkpoint(path), augmentation)
    numbers = [[m[name] for name in ("loss", "val_loss", "val_accuracy")] for m in history.epochs]
    return numbers, model.get_weights()


@pytest.mark.slow
def test_with_all_of_it_a_run_that_paused_equals_one_that_ran_through_bit_for_bit(tmp_path: Path) -> None:
    """Every augmentation, mixed labels with class weights, growing images and averaged weights."""
    whole, weights = train(STRONG)
    train(STRONG, tmp_path / "checkpoint.npz", pause=2)
    resumed, same = train(STRONG, tmp_path / "checkpoint.npz")
    assert resumed == whole
    for one, other in zip(weights, same, strict=True):
        np.testing.assert_array_equal(one, other)
