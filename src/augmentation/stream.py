"""Other variants of the training images in each epoch, made where the network is trained."""

from dataclasses import asdict
from typing import Any

import keras

from src.augmentation.draw import draw
from src.augmentation.warp import warp
from src.config.augmentation import AugmentationConfig

ops: Any = keras.ops  # their type hints say that any of them may return None


def augmented(network: keras.Model, config: AugmentationConfig, seed: int) -> keras.Model:
    """Return a model to fit in place of `network`: it has the same weights, and warps its images while training.

    What is fitted thereby is `network` itself, which knows nothing of augmentation.
    """
    images = keras.Input(network.input_shape[1:], dtype="float32")
    return keras.Model(images, network(Augment(config, seed)(images)))


class Augment(keras.layers.Layer):
    """Warp each image [B, H, W, C] at random while training; else pass it on.

    What is drawn depends on the seed and the number of training steps before, which is the state of its
    generator and so goes into checkpoints.
    """

    def __init__(self, config: AugmentationConfig, seed: int) -> None:
        # Pixels keep their float32 under every precision policy.
        super().__init__(name="augment", dtype="float32")
        self._settings, self._seed = config, seed
        self._random = keras.random.SeedGenerator(seed)

    def get_config(self) -> dict[str, Any]:
        # It says what is computed, to whoever compares models; what is saved is the network inside.
        return super().get_config() | {"config": asdict(self._settings), "seed": self._seed}

    def call(self, images: Any, training: bool = False) -> Any:
        if not training:
            return images
        count, height, width, _ = ops.shape(images)
        chosen = draw(self._settings, count, height, width, self._random)
        return warp(images, chosen, self._settings.fill_mode, self._settings.cval)
