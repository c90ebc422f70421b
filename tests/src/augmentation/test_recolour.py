"""Jitter, RandAugment and erasing: beside Pillow, within the range of the pixels, by the seed, in training alone."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance, ImageOps

from src.augmentation import expanded, samples
from src.augmentation.jitter import jitter
from src.augmentation.rand_augment import ENHANCE, OPERATIONS, _recoloured, rand_augment
from src.augmentation.stream import Augment
from src.config.augmentation import AugmentationConfig
from src.dataset import Split

KINDS = [{"color_jitter": 0.5}, {"rand_augment": 0.5}, {"random_erasing": 1.0}, {"random_crop": 2}]
ids = [next(iter(kind)) for kind in KINDS]


def pictures(count: int = 24, channels: int = 3, white: int = 255) -> np.ndarray:
    """Return images with large shapes, so that operations on them differ: uint8 [count, 12, 10, channels]."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(white // 8, white, (count, 4, 5, channels))
    return coarse.repeat(3, axis=1).repeat(2, axis=2).astype("uint8")


@pytest.mark.parametrize("kind", KINDS, ids=ids)
@pytest.mark.parametrize(("channels", "white"), [(1, 16), (3, 255)])
def test_each_kind_goes_by_its_seed_stays_in_range_and_leaves_other_than_training_alone(
    kind: dict[str, Any], channels: int, white: int
) -> None:
    images = pictures(channels=channels, white=white).astype("float32")
    config = AugmentationConfig(**kind)
    layer = Augment(config, 5, white)
    np.testing.assert_array_equal(np.asarray(layer(images, training=False)), images)
    first, second = (np.asarray(layer(images, training=True)) for _ in range(2))
    again = Augment(config, 5, white)
    np.testing.assert_array_equal(np.asarray(again(images, training=True)), first)
    np.testing.assert_array_equal(np.asarray(again(images, training=True)), second)
    assert (first != second).any(axis=(1, 2, 3)).mean() > 0.5, "others in the next step"
    assert (np.asarray(Augment(config, 6, white)(images, training=True)) != first).any()
    assert first.min() >= 0 and first.max() <= white + 1e-3
    assert (first != images).any(axis=(1, 2, 3)).mean() > 0.5
    alike = np.repeat(images[:1], 24, axis=0)
    changed = np.asarray(layer(alike, training=True)).reshape(24, -1)
    assert len(np.unique(changed, axis=0)) > 5, "each image has its own"


@pytest.mark.parametrize("gpu", [False, True])
def test_jitter_turns_colours_and_leaves_greys_grey(gpu: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is a GPU no product of matrices takes part, which would be TF32's."""
    expected = np.asarray(jitter(pictures().astype("float32"), 0.5, 255.0, 1))
    monkeypatch.setattr("src.augmentation.jitter.has_gpu", lambda: gpu)
    graph = tf.function(lambda x: jitter(x, 0.5, 255.0, 1)).get_concrete_function(tf.zeros((2, 4, 4, 3))).graph
    kinds = {operation.type for operation in graph.get_operations()}
    assert bool(kinds & {"Einsum", "MatMul", "BatchMatMulV2"}) != gpu
    images = pictures().astype("float32")
    grey = np.repeat(images[..., :1], 3, axis=-1)
    np.testing.assert_allclose(np.asarray(jitter(images, 0.5, 255.0, 1)), expected, atol=1e-3)
    np.testing.assert_allclose(np.asarray(jitter(images, 0.0, 255.0, 0)), images, atol=1e-3)
    shaken = np.asarray(jitter(grey, 0.8, 255.0, 1))
    np.testing.assert_allclose(shaken, np.repeat(shaken[..., :1], 3, axis=-1), atol=1e-3)
    turned = np.asarray(jitter(images * 0.2 + 100, 0.3, 255.0, 1))
    assert np.ptp(turned - (images * 0.2 + 100), axis=-1).max() > 5
    assert np.asarray(jitter(pictures(channels=4).astype("float32"), 0.5, 255.0, 1)).shape[-1] == 4


def in_pillow(image: np.ndarray, name: str, amount: float, strength: float) -> np.ndarray:
    picture = Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image)
    enhancers = {"brightness": ImageEnhance.Brightness, "color": ImageEnhance.Color, "contrast": ImageEnhance.Contrast}
    if name in enhancers:
        changed = enhancers[name](picture).enhance(1 + ENHANCE * amount)
    elif name == "posterize":
        changed = ImageOps.posterize(picture, 8 - round(4 * strength))
    elif name == "solarize":
        changed = ImageOps.solarize(picture, int(np.ceil(255 * (1 - strength))))
    else:
        changed = {"autocontrast": ImageOps.autocontrast, "equalize": ImageOps.equalize}[name](picture)
    return np.asarray(changed).reshape(image.shape)


@pytest.mark.parametrize("name", [name for name in OPERATIONS[6:] if name != "sharpness"])
@pytest.mark.parametrize("channels", [1, 3])
def test_an_operation_of_randaugment_is_pillows(name: str, channels: int) -> None:
    images, strength = np.random.default_rng(0).integers(30, 220, (4, 32, 31, channels)).astype("uint8"), 0.6
    for amount in (strength, -strength):
        chosen = np.full(4, OPERATIONS.index(name), "int32")
        got = _recoloured(images.astype("float32"), chosen, np.full(4, amount, "float32"), strength)
        expected = np.stack([in_pillow(image, name, amount, strength) for image in images])
        # Pillow rounds in between.
        np.testing.assert_allclose(np.asarray(got), expected, atol=2.01 if name in ("color", "contrast") else 1.01)


def test_randaugment_does_nothing_at_strength_0_but_what_has_none() -> None:
    images = pictures(200).astype("float32")
    changed = np.asarray(rand_augment(images, 0.7, 255.0, keras.random.SeedGenerator(0), "nearest", 0.0))
    assert (np.abs(changed - images) > 0.01).any(axis=(1, 2, 3)).mean() > 0.8
    still = np.asarray(rand_augment(images, 0.0, 255.0, keras.random.SeedGenerator(0), "nearest", 0.0))
    # A stretched image has no strength.
    assert 0.75 < (np.abs(still - images) < 0.01).all(axis=(1, 2, 3)).mean() < 0.95


def test_erasing_takes_its_share_of_the_images_and_a_rectangle_of_each() -> None:
    images = np.full((400, 12, 12, 1), 99, "float32")
    erased = np.asarray(Augment(AugmentationConfig(random_erasing=0.3), 0)(images, training=True)) != images
    assert 0.2 < erased.any(axis=(1, 2, 3)).mean() < 0.4
    assert erased[erased.any(axis=(1, 2, 3))].mean() < 0.4


def test_a_crop_cuts_a_window_out_of_the_padded_image() -> None:
    images = pictures(200)
    cropped = np.asarray(
        Augment(AugmentationConfig(random_crop=2, fill_mode="constant", cval=7), 0)(images, training=True)
    )
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)), constant_values=7)
    windows = [(top, left) for top in range(5) for left in range(5)]
    found = []
    for image, wide in zip(cropped, padded, strict=True):
        fits = [w for w in windows if (wide[w[0] : w[0] + 12, w[1] : w[1] + 10] == image).all()]
        assert fits
        found += fits[:1]
    assert len(set(found)) == 25, "every window comes"


@pytest.mark.parametrize("kind", [*KINDS, {"alternating_flip": True}], ids=[*ids, "alternating_flip"])
def test_what_is_shown_goes_by_its_seed_and_copies_have_every_kind(kind: dict[str, Any]) -> None:
    images = pictures(5)
    config = AugmentationConfig(**kind)
    shown = samples(images, config, 3, 1)
    assert shown.shape == (5, 3, *images.shape[1:]) and shown.dtype == np.uint8
    np.testing.assert_array_equal(shown, samples(images, config, 3, 1))
    assert (shown != images[:, None]).any()
    if "alternating_flip" not in kind:
        copies = expanded(Split(images, np.arange(5)), config, 1)
        np.testing.assert_array_equal(copies.images[:5], images)
        assert (copies.images[5:] != images).any()
        np.testing.assert_array_equal(copies.images, expanded(Split(images, np.arange(5)), config, 1).images)
