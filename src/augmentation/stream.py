"""Other variants of the training images in each epoch, made where the network is trained."""

from dataclasses import asdict
from typing import Any

import keras

from src.augmentation.draw import draw
from src.augmentation.mix import Mix, MixingModel
from src.augmentation.recolour import Recolour
from src.augmentation.warp import warp
from src.config.augmentation import AugmentationConfig

ops: Any = keras.ops  # their type hints say that any of them may return None


def augmented(
    network: keras.Model,
    config: AugmentationConfig,
    seed: int,
    white: float = 255.0,
    last: keras.layers.Layer | None = None,
    xla: bool = False,
) -> keras.Model:
    """Return a model to fit in place of `network`: it has the same weights, and changes its images while training.

    What is fitted thereby is `network` itself, which knows nothing of augmentation. Labels must be one-hot where
    `config` mixes; `white` is the highest value of a pixel; `last` is a layer after all others; `xla` says whether XLA
    compiles it all.
    """
    images = x = keras.Input(network.input_shape[1:], dtype="float32")
    if config.warps or config.recolours:
        x = Augment(config, seed, white, xla)(x)
    if config.mixes:
        x = Mix(config, seed)(x)
    if last is not None:
        x = last(x)
    return (MixingModel if config.mixes else keras.Model)(images, network(x))


class Augment(keras.layers.Layer):
    """Warp and recolour each image [B, H, W, C] at random while training; else pass it on.

    What is drawn depends on the seed and the number of training steps before, which is the state of its
    generators and so goes into checkpoints.
    """

    def __init__(self, config: AugmentationConfig, seed: int, white: float = 255.0, xla: bool = False) -> None:
        # Pixels keep their float32 under every precision policy.
        super().__init__(name="augment", dtype="float32")
        self._settings, self._seed = config, seed
        self._random = keras.random.SeedGenerator(seed)
        self._recolour = Recolour(config, seed, white, xla) if config.recolours else None
        self._white, self._xla = white, xla

    def get_config(self) -> dict[str, Any]:
        # It says what is computed, to whoever compares models; what is saved is the network inside.
        more = {"config": asdict(self._settings), "seed": self._seed, "white": self._white}
        return super().get_config() | more

    def build(self, input_shape: Any) -> None:
        if self._recolour is not None:
            self._recolour.build(input_shape)

    def call(self, images: Any, training: bool = False) -> Any:
        if not training:
            return images
        if self._settings.warps:
            count, height, width, _ = ops.shape(images)
            chosen = draw(self._settings, count, height, width, self._random)
            images = warp(images, chosen, self._settings.fill_mode, self._settings.cval, self._xla)
        return images if self._recolour is None else self._recolour(images)
