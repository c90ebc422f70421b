"""Variants of images that stay: those that `mode=expand` trains on, and a few to look at."""

import tempfile
from typing import Any

import keras
import numpy as np

from src.augmentation.draw import draw
from src.augmentation.warp import warp
from src.config.augmentation import AugmentationConfig
from src.dataset import Split

ops: Any = keras.ops  # their type hints say that any of them may return None
CHUNK = 2**20  # pixels at a time


def expanded(split: Split, config: AugmentationConfig, seed: int) -> Split:
    """Return the images followed by `config.copies` variants of all of them, each with its image's label.

    Args:
        split: uint8 [N, H, W, C] and labels [N, ...].
        config: Its ranges, flips and copies.
        seed: The same seed gives the same variants.

    Returns:
        uint8 [N * (1 + copies), H, W, C], in a file that is gone with the process, and their labels.
    """
    count, height, width, channels = split.images.shape
    parts = 1 + (config.copies or 1)
    with tempfile.TemporaryFile() as file:  # which the map keeps open
        shape = (parts * count, height, width, channels)
        images = np.memmap(file, np.uint8, "w+", shape=shape)  # pyright: ignore[reportCallIssue, reportArgumentType]
    images[:count] = split.images
    chosen = ops.convert_to_numpy(draw(config, len(images) - count, height, width, seed))
    step = max(1, CHUNK // (height * width))
    for start in range(0, len(chosen), step):
        sources = np.arange(start, min(start + step, len(chosen))) % count
        variants = _warped(split.images[sources], chosen[start : start + step], config)
        images[count + start : count + start + step] = variants
    return Split(images, np.concatenate([split.labels] * parts))


def samples(images: np.ndarray, config: AugmentationConfig, count: int, seed: int) -> np.ndarray:
    """Return `count` variants of each image: uint8 [N, count, H, W, C] for uint8 [N, H, W, C]."""
    number, height, width, channels = images.shape
    chosen = draw(config, number * count, height, width, seed)
    return _warped(np.repeat(images, count, axis=0), chosen, config).reshape(number, count, height, width, channels)


def _warped(images: np.ndarray, transforms: np.ndarray, config: AugmentationConfig) -> np.ndarray:
    pixels = ops.convert_to_numpy(warp(images, transforms, config.fill_mode, config.cval))
    return np.rint(pixels).clip(0, 255).astype(np.uint8)
