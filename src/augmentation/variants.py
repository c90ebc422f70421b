"""Variants of images that stay: those that `mode=expand` trains on, and a few to look at."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from src.augmentation.alternate import mirrored
from src.augmentation.draw import draw
from src.augmentation.mix import draw_plan
from src.augmentation.recolour import Recolour
from src.augmentation.seeds import seed_of
from src.augmentation.warp import warp
from src.config.augmentation import AugmentationConfig
from src.dataset import Split, cache

ops: Any = keras.ops  # their type hints say that any of them may return None
CHUNK = 2**20  # pixels at a time


def expanded(
    split: Split, config: AugmentationConfig, seed: int, white: float = 255.0, folder: Path | None = None
) -> Split:
    """Return the images followed by `config.copies` variants of all of them, each with its image's label.

    Args:
        split: uint8 [N, H, W, C] and labels [N, ...].
        config: Its ranges, flips and copies.
        seed: The same seed gives the same variants.
        white: The highest value of a pixel.
        folder: Where the file is, in the cache; by default that of temporary files.

    Returns:
        uint8 [N * (1 + copies), H, W, C], in a file that is gone with the process, and their labels.

    Raises:
        DatasetError: There is no room for it.
    """
    count, height, width, channels = split.images.shape
    parts = 1 + (config.copies or 1)
    images = cache.scratch(folder, (parts * count, height, width, channels), np.uint8)
    images[:count] = split.images
    chosen = ops.convert_to_numpy(draw(config, len(images) - count, height, width, seed))
    recolour = Recolour(config, seed, white) if config.recolours else None
    step = max(1, CHUNK // (height * width))
    for start in range(0, len(chosen), step):
        sources = np.arange(start, min(start + step, len(chosen))) % count
        variants = _varied(split.images[sources], chosen[start : start + step], config, recolour)
        images[count + start : count + start + step] = variants
    return Split(images, np.concatenate([split.labels] * parts))


def samples(images: np.ndarray, config: AugmentationConfig, count: int, seed: int, white: float = 255.0) -> np.ndarray:
    """Return `count` variants of each image, unmixed: uint8 [N, count, H, W, C] for uint8 [N, H, W, C]."""
    number, height, width, channels = images.shape
    chosen = draw(config, number * count, height, width, seed)
    recolour = Recolour(config, seed, white) if config.recolours else None
    variants = _varied(np.repeat(images, count, axis=0), chosen, config, recolour)
    variants = variants.reshape(number, count, height, width, channels)
    if config.alternating_flip:  # a column shows an epoch
        flips = np.stack([mirrored(number, seed, epoch) for epoch in range(count)], axis=1)
        variants = np.where(flips[..., None, None, None], variants[..., ::-1, :], variants)
    return variants


def mixed_samples(
    variants: np.ndarray, labels: np.ndarray, config: AugmentationConfig, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return variants of images, each mixed with one of another image in its column, and their labels.

    Args:
        variants: uint8 [N, count, H, W, C], as `samples` gives them.
        labels: one-hot float32 [N, classes].
        config: Its `mixup` and `cutmix`.
        seed: The same seed mixes the same.

    Returns:
        uint8 [N, count, H, W, C] and float32 [N, count, classes].
    """
    random = keras.random.SeedGenerator(seed_of(seed, "mix"))
    number, count, height, width, _ = variants.shape
    pixels, shares = [], []
    for column in range(count):
        plan = draw_plan(config, number, height, width, random)
        pixels.append(_whole(plan.images(variants[:, column].astype(np.float32))))
        shares.append(ops.convert_to_numpy(plan.labels(labels)[0]))
    return np.stack(pixels, axis=1), np.stack(shares, axis=1)


def _varied(
    images: np.ndarray, transforms: np.ndarray, config: AugmentationConfig, recolour: Recolour | None
) -> np.ndarray:
    pixels = warp(images, transforms, config.fill_mode, config.cval)
    return _whole(pixels if recolour is None else recolour(pixels))


def _whole(pixels: Any) -> np.ndarray:
    return np.rint(ops.convert_to_numpy(pixels)).clip(0, 255).astype(np.uint8)
