"""What changes the values of pixels: RandAugment, jitter and erasing, in this order."""

from dataclasses import asdict
from typing import Any

import keras

from src.augmentation.jitter import jitter
from src.augmentation.rand_augment import rand_augment
from src.augmentation.seeds import seed_of
from src.config.augmentation import AugmentationConfig


class Recolour(keras.layers.Layer):
    """Change the values of images [B, H, W, C], float32, whatever `training` is.

    What is drawn depends on the seed and the number of calls before, each kind for itself.
    """

    def __init__(self, config: AugmentationConfig, seed: int, white: float, xla: bool = False) -> None:
        super().__init__(name="recolour", dtype="float32")
        self._settings, self._seed, self._white, self._xla = config, seed, white, xla
        self._operations = keras.random.SeedGenerator(seed_of(seed, "rand_augment")) if config.rand_augment else None
        self._jitters = keras.random.SeedGenerator(seed_of(seed, "color_jitter")) if config.color_jitter else None
        self._erase = None
        if config.random_erasing:
            chance: Any = (config.random_erasing, config.random_erasing)  # exactly so much, not up to it
            seeded: Any = seed_of(seed, "random_erasing")
            self._erase = keras.layers.RandomErasing(chance, value_range=(0.0, white), seed=seeded, dtype="float32")

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"config": asdict(self._settings), "seed": self._seed, "white": self._white}

    def build(self, input_shape: Any) -> None:
        if self._erase is not None:
            self._erase.build(input_shape)

    def call(self, images: Any) -> Any:
        config, white = self._settings, self._white
        if self._operations is not None:
            beyond = (config.fill_mode, config.cval, self._xla)
            images = rand_augment(images, config.rand_augment, white, self._operations, *beyond)
        if self._jitters is not None:
            images = jitter(images, config.color_jitter, white, self._jitters)
        return images if self._erase is None else self._erase(images, training=True)
