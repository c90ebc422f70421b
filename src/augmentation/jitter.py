"""Brighter and darker, more and less contrast and colour: all of it one matrix an image, as the warp is.

Keras's RandomColorJitter does it in four layers, three ways between colour spaces, and for colour images alone.
"""

from typing import Any

import keras
import numpy as np

from src.process import has_gpu

ops: Any = keras.ops  # their type hints say that any of them may return None

LUMA = np.array([0.299, 0.587, 0.114], "float32")  # of red, green and blue: ITU-R BT.601
HUE = 0.25  # of a full turn, at strength 1: SimCLR's proportion (Chen et al. 2020)

# Brightness and two axes of colour, in which a hue is an angle: NTSC's YIQ.
_YIQ = np.array([LUMA, [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]], "float64")
_RGB = np.linalg.inv(_YIQ)
# What red, green and blue have of brightness and of colour, and that colour turned by a quarter.
_GREY = (_RGB[:, :1] @ _YIQ[:1]).astype("float32")
_COLOR = (_RGB[:, 1:] @ _YIQ[1:]).astype("float32")
_TURNED = (_RGB[:, 1:] @ [[0, -1], [1, 0]] @ _YIQ[1:]).astype("float32")


def jitter(images: Any, strength: float, white: float, seed: Any) -> Any:
    """Return images with other brightness, contrast and, of three channels, saturation and hue.

    Args:
        images: float32 [B, H, W, C].
        strength: s, for factors from 1 - s to 1 + s, and angles up to s / 4 of a turn either way.
        white: The highest value of a pixel; 0 is black.
        seed: As `keras.random` takes it.
    """
    drawn: Any = keras.random.uniform((4, ops.shape(images)[0]), -1.0, 1.0, "float32", seed)
    brightness, contrast, saturation = (1 + strength * drawn[i] for i in range(3))
    channels = images.shape[-1]
    middle = ops.mean(brightness_of(images), axis=(1, 2), keepdims=True)
    brightness, contrast = brightness[:, None, None, None], contrast[:, None, None, None]
    if channels == 3:
        angle = drawn[3] * (strength * HUE * 2 * np.pi)
        across, along = saturation * ops.cos(angle), saturation * ops.sin(angle)
        matrix = _GREY + across[:, None, None] * _COLOR + along[:, None, None] * _TURNED
        images = _product(images, matrix)
    return ops.clip(brightness * (contrast * (images - middle) + middle), 0.0, white)


def _product(images: Any, matrix: Any) -> Any:
    """Return the product of each image's matrix [B, 3, 3] with its pixels."""
    if not has_gpu():
        return ops.einsum("bhwc,bdc->bhwd", images, matrix)
    # A GPU multiplies matrices as TF32, to three digits: greys would have a tint. On a processor this takes longer.
    columns = ops.transpose(matrix, (0, 2, 1))[:, None, None]
    return sum(images[..., i, None] * columns[..., i, :] for i in range(3))


def brightness_of(images: Any) -> Any:
    """Return grey images [B, H, W, 1]."""
    channels = images.shape[-1]
    if channels == 1:
        return images
    weights = LUMA if channels == 3 else np.full(channels, 1 / channels, "float32")
    return ops.sum(images * weights, axis=-1, keepdims=True)
