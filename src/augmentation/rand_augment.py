"""RandAugment: Cubuk, Zoph, Shlens, Le, "RandAugment: Practical Automated Data Augmentation" (2019).

Each image gets two of fourteen operations, drawn for it alone; in Keras's layer a whole batch gets the same, and one of
them turns by up to half a circle. Operations and ranges are torchvision's; a strength of 0.3 is its default.
"""

from typing import Any

import keras
import numpy as np

from src.augmentation.jitter import brightness_of
from src.augmentation.warp import warp

ops: Any = keras.ops  # their type hints say that any of them may return None

PER_IMAGE = 2
OPERATIONS = (
    "identity", "shear_x", "shear_y", "translate_x", "translate_y", "rotate", "brightness", "color", "contrast",
    "sharpness", "posterize", "solarize", "autocontrast", "equalize",
)  # fmt: skip
# At strength 1, to either side.
SHEAR, TRANSLATE, ROTATE, ENHANCE = 0.3, 150 / 331, np.deg2rad(30), 0.9
POSTERIZED = 4  # bits fewer
TOP = 255.0


def rand_augment(
    images: Any, strength: float, white: float, seed: Any, fill_mode: str, cval: float, xla: bool = False
) -> Any:
    """Return images after two operations each.

    Args:
        images: float32 [B, H, W, C].
        strength: From 0 to 1, as a part of the operations' ranges.
        white: The highest value of a pixel; 0 is black.
        seed: A `keras.random.SeedGenerator`.
        fill_mode, cval, xla: What lies beyond the border, as `warp` has it.
    """
    count, height, width, _ = ops.shape(images)
    chosen: Any = keras.random.randint((PER_IMAGE, count), 0, len(OPERATIONS), "int32", seed)
    signs: Any = ops.sign(keras.random.uniform((PER_IMAGE, count), -1.0, 1.0, "float32", seed))
    # Where pixels come from, and then what becomes of their values: one warp does for both.
    first, second = (_matrix(chosen[i], signs[i] * strength, height, width) for i in range(PER_IMAGE))
    images = warp(images, _joined(first, second), fill_mode, cval, xla) * (TOP / white)
    for i in range(PER_IMAGE):
        images = _recoloured(images, chosen[i], signs[i] * strength, strength)
    return images * (white / TOP)


def _is(chosen: Any, *names: str) -> Any:
    """Return for which images the operation is one of these: bool [B]."""
    found = chosen == OPERATIONS.index(names[0])
    for name in names[1:]:
        found = found | (chosen == OPERATIONS.index(name))
    return found


def _matrix(chosen: Any, amount: Any, height: int, width: int) -> Any:
    """Return the transform [B, 8] of the operation that moves pixels; of others the identity."""

    def only(name: str, value: Any) -> Any:
        return ops.where(_is(chosen, name), value, 0.0)

    angle = only("rotate", amount * ROTATE)
    a0, b1 = ops.cos(angle), ops.cos(angle)
    a1 = only("shear_x", amount * SHEAR) - ops.sin(angle)
    b0 = only("shear_y", amount * SHEAR) + ops.sin(angle)
    column, row = (width - 1) / 2, (height - 1) / 2
    a2 = only("translate_x", amount * (TRANSLATE * width)) + column - a0 * column - a1 * row
    b2 = only("translate_y", amount * (TRANSLATE * height)) + row - b0 * column - b1 * row
    none = ops.zeros_like(a0)
    return ops.stack([a0, a1, a2, b0, b1, b2, none, none], axis=-1)


def _joined(first: Any, second: Any) -> Any:
    """Return the transform [B, 8] of one after another: a pixel is looked up through the second, then the first."""
    a0, a1, a2, b0, b1, b2 = (first[:, i] for i in range(6))
    c0, c1, c2, d0, d1, d2 = (second[:, i] for i in range(6))
    across = [a0 * c0 + a1 * d0, a0 * c1 + a1 * d1, a0 * c2 + a1 * d2 + a2]
    down = [b0 * c0 + b1 * d0, b0 * c1 + b1 * d1, b0 * c2 + b1 * d2 + b2]
    return ops.stack([*across, *down, first[:, 6], first[:, 7]], axis=-1)


def _recoloured(images: Any, chosen: Any, amount: Any, strength: float) -> Any:
    """Apply the operation that changes values of 0 to 255; others leave the images as they are."""

    def where(names: tuple[str, ...], value: Any, other: Any) -> Any:
        return ops.where(_is(chosen, *names)[:, None, None, None], value, other)

    # Pillow's four enhancers go away from, or towards, an image without what they enhance.
    grey = brightness_of(images)
    without = where(("brightness",), 0.0, images)
    without = where(("color",), grey, without)
    without = where(("contrast",), ops.mean(grey, axis=(1, 2), keepdims=True), without)
    smooth = (9 * ops.average_pool(images, 3, 1, "same") + 4 * images) / 13
    without = where(("sharpness",), smooth, without)
    factor = (1 + ENHANCE * amount)[:, None, None, None]
    result = where(("brightness", "color", "contrast", "sharpness"), without + factor * (images - without), images)
    step = 2.0 ** round(POSTERIZED * strength)
    result = where(("posterize",), ops.floor(images / step) * step, result)
    result = where(("solarize",), ops.where(images >= TOP * (1 - strength), TOP - images, images), result)
    result = where(("autocontrast",), _stretched(images), result)
    return ops.clip(where(("equalize",), _equalized(images), result), 0.0, TOP)


def _stretched(images: Any) -> Any:
    """Return images whose darkest and brightest value are 0 and 255, in each channel that has two values."""
    low, high = ops.min(images, axis=(1, 2), keepdims=True), ops.max(images, axis=(1, 2), keepdims=True)
    spread = high - low
    return ops.where(spread >= 1, (images - low) * (TOP / ops.maximum(spread, 1.0)), images)


def _equalized(images: Any) -> Any:
    """Return images in which all values are about as frequent, in each channel, as Pillow's `equalize` has it."""
    count, height, width, channels = ops.shape(images)
    planes = ops.reshape(ops.transpose(ops.cast(images, "int32"), (0, 3, 1, 2)), (-1, height * width))
    start = ops.arange(count * channels)[:, None] * 256
    place = ops.reshape(planes + start, (-1,))
    counts = ops.segment_sum(ops.ones_like(place), place, num_segments=count * channels * 256)
    counts = ops.reshape(counts, (-1, 256))
    brightest = ops.max(planes, axis=1, keepdims=True)
    last = ops.sum(ops.cast(planes == brightest, "int32"), axis=1, keepdims=True)
    step = (height * width - last) // 255
    before = ops.cumsum(counts, axis=1) - counts
    table = ops.minimum((before + step // 2) // ops.maximum(step, 1), 255)
    found = ops.reshape(ops.take(ops.reshape(table, (-1,)), place), (count, channels, height, width))
    many = ops.reshape(step > 0, (count, channels, 1, 1))
    values = ops.where(many, found, ops.reshape(planes, (count, channels, height, width)))
    return ops.cast(ops.transpose(values, (0, 2, 3, 1)), "float32")
