"""Rotate, shift, shear, zoom and flip a batch of images in one warp, as ImageDataGenerator's `apply_transform` does.

Plain `keras.ops`, the same on every backend. A transform is one of `keras.ops.image.affine_transform`: eight numbers
(a0, a1, a2, b0, b1, b2, 0, 0), by which the result's pixel in column x and row y is read from the image at column
a0 x + a1 y + a2 and row b0 x + b1 y + b2.
"""

import math
from typing import Any

import keras

ops: Any = keras.ops  # their type hints say that any of them may return None

# Pixels by which a coordinate may miss the border and still be on it: cos(90 degrees) is not quite 0 in float32.
_ROUNDING = 1e-4

# TensorFlow's kernel, where it reads beyond the border what SciPy reads there; `constant` is masked afterwards.
_KERNEL_MODES = {"nearest": "nearest", "constant": "nearest", "reflect": "reflect"}


def transforms(
    height: int,
    width: int,
    theta: Any = 0.0,
    tx: Any = 0.0,
    ty: Any = 0.0,
    shear: Any = 0.0,
    zx: Any = 1.0,
    zy: Any = 1.0,
    flip_horizontal: Any = False,
    flip_vertical: Any = False,
) -> Any:
    """Compose transforms from the parameters of `apply_transform`: rotation, shift, shear, zoom, then the flips.

    They turn and zoom about the centre, where ImageDataGenerator misses it in images that are not square.

    Args:
        height, width: Of the images, in pixels.
        theta, shear: Degrees.
        tx, ty: Pixels to the left and upwards, before the rotation.
        zx, zy: Horizontal and vertical zoom; 2 shows everything at half its size.
        flip_horizontal, flip_vertical: Whether to mirror left and right, top and bottom.

    Each of them, but for the sizes, is a scalar or has shape [B].

    Returns:
        float32 [8] if all are scalars, else [B, 8].
    """
    theta, shear, tx, ty, zx, zy, horizontal, vertical = (
        ops.cast(value, "float32") for value in (theta, shear, tx, ty, zx, zy, flip_horizontal, flip_vertical)
    )
    angle, slant = theta * (math.pi / 180), (theta + shear) * (math.pi / 180)
    # A flip is the first that a coordinate of the result goes through; about the centre it is a change of sign.
    zx, zy = zx * (1 - 2 * horizontal), zy * (1 - 2 * vertical)
    a0, a1 = ops.cos(angle) * zx, -ops.sin(slant) * zy
    b0, b1 = ops.sin(angle) * zx, ops.cos(slant) * zy
    column, row = (width - 1) / 2, (height - 1) / 2
    a2 = ops.cos(angle) * tx - ops.sin(angle) * ty + column - a0 * column - a1 * row
    b2 = ops.sin(angle) * tx + ops.cos(angle) * ty + row - b0 * column - b1 * row
    shape = (a2 + b2) * 0  # a2 and b2 hold all that were given
    return ops.stack([number + shape for number in (a0, a1, a2, b0, b1, b2, 0.0, 0.0)], axis=-1)


def warp(images: Any, transforms: Any, fill_mode: str = "nearest", cval: float = 0.0, xla: bool = False) -> Any:
    """Apply a transform to each image, or one to all, with bilinear interpolation.

    Args:
        images: [B, H, W, C], of any dtype, in any range.
        transforms: [B, 8] or [8].
        fill_mode: What lies beyond the border, as SciPy names it: `nearest` (aaaa|abcd|dddd), `constant`
            (kkkk|abcd|kkkk, k = cval), `reflect` (dcba|abcd|dcba), `wrap` (bcd|abcd|abc, the border shared).
        cval: See `fill_mode`.
        xla: Whether XLA compiles it, which has no such kernel as TensorFlow.

    Returns:
        float32 [B, H, W, C].
    """
    images = ops.cast(images, "float32")
    if not xla and fill_mode in _KERNEL_MODES and keras.backend.backend() == "tensorflow":
        # One kernel for all of it, in half the time; other backends have none, or one an image.
        warped = ops.image.affine_transform(images, transforms, "bilinear", _KERNEL_MODES[fill_mode])
    else:
        warped = _gathered(images, transforms, fill_mode)
    if fill_mode == "constant":
        x, y = _positions(images, transforms)
        inside = _within(x, images.shape[2]) & _within(y, images.shape[1])
        warped = ops.where(inside[..., None], warped, cval)
    return warped


def _positions(images: Any, transforms: Any) -> tuple[Any, Any]:
    """Return the columns and the rows at which the result's pixels are read: float32 [B, H, W] each."""
    height, width = images.shape[1:3]
    matrix = ops.reshape(transforms, (-1, 8, 1, 1))
    across, down = ops.arange(width, dtype="float32"), ops.arange(height, dtype="float32")[:, None]
    x = matrix[:, 0] * across + (matrix[:, 1] * down + matrix[:, 2])
    y = matrix[:, 3] * across + (matrix[:, 4] * down + matrix[:, 5])
    return x, y


def _gathered(images: Any, transforms: Any, fill_mode: str) -> Any:
    """Interpolate between the four pixels around each position."""
    height, width, channels = images.shape[1:]
    x, y = _positions(images, transforms)
    x0, x1, right = _neighbours(x, width, fill_mode)
    y0, y1, below = _neighbours(y, height, fill_mode)
    # One list of all pixels: a gather from it is faster than one that counts in several dimensions.
    pixels = ops.reshape(images, (-1, channels))
    start = ops.reshape(ops.arange(ops.shape(images)[0]) * (height * width), (-1, 1, 1))
    upper, lower = start + y0 * width, start + y1 * width
    right, below = right[..., None], below[..., None]

    def between(row: Any) -> Any:
        left = ops.take(pixels, row + x0, axis=0)
        return left + right * (ops.take(pixels, row + x1, axis=0) - left)

    top = between(upper)
    return top + below * (between(lower) - top)


def _neighbours(position: Any, size: int, fill_mode: str) -> tuple[Any, Any, Any]:
    """Return the two pixels that a position in a row or column of `size` pixels lies between, and how far along."""
    last = size - 1
    if fill_mode == "reflect":
        folded = ops.mod(position + 0.5, 2.0 * size)
        position = ops.minimum(folded, 2 * size - folded) - 0.5
    elif fill_mode == "wrap":
        period = max(last, 1)
        # Of the two ends that coincide, SciPy takes the nearer one.
        wrapped = ops.where(position < 0, last - ops.mod(-position, period), ops.mod(position, period))
        position = ops.where(_within(position, size), position, wrapped)
    position = ops.clip(position, 0, last)
    first = ops.floor(position)
    fraction = position - first
    first = ops.cast(first, "int32")
    return first, ops.minimum(first + 1, last), fraction


def _within(position: Any, size: int) -> Any:
    return (position >= -_ROUNDING) & (position <= size - 1 + _ROUNDING)
