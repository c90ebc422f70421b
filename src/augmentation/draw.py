"""Random transforms, within the ranges of the settings and distributed as ImageDataGenerator distributes them."""

from typing import Any

import keras

from src.augmentation.warp import transforms
from src.config.augmentation import AugmentationConfig

ops: Any = keras.ops  # their type hints say that any of them may return None


def draw(config: AugmentationConfig, count: Any, height: int, width: int, seed: Any) -> Any:
    """Draw a transform for each of `count` images: float32 [count, 8], as `warp` takes them.

    Args:
        config: Its ranges and flips.
        count: An integer or a scalar tensor.
        height, width: Of the images, in pixels.
        seed: An integer, which always gives the same, or a `keras.random.SeedGenerator`.
    """
    # Without a crop as many numbers as ever: what a study began with goes on.
    random: Any = keras.random.uniform((10 if config.random_crop else 8, count), -1.0, 1.0, "float32", seed)
    lowest, highest = config.zoom_factors
    middle, half = (lowest + highest) / 2, (highest - lowest) / 2
    return transforms(
        height,
        width,
        theta=random[0] * config.rotation_range,
        tx=_shift(random[1], config.width_shift_range, width) + _crop(random[-2], config.random_crop, width),
        ty=_shift(random[2], config.height_shift_range, height) + _crop(random[-1], config.random_crop, height),
        shear=random[3] * config.shear_range,
        zx=middle + half * random[4],
        zy=middle + half * random[5],
        flip_horizontal=(random[6] < 0) & config.horizontal_flip,
        flip_vertical=(random[7] < 0) & config.vertical_flip,
    )


def _shift(random: Any, reach: float, size: int) -> Any:
    """Return pixels: of `reach` as a fraction, as whole pixels, or as any."""
    if reach < 1:
        return random * (reach * size)
    return ops.trunc(random * reach) if isinstance(reach, int) else random * reach


def _crop(random: Any, padding: float, size: int) -> Any:
    """Return by how many whole pixels, up to the padding, a window lies off the middle; each as often."""
    reach = round(padding * size) if padding < 1 else int(padding)
    return ops.minimum(ops.floor((random + 1) / 2 * (2 * reach + 1)), 2 * reach) - reach if reach else 0.0
