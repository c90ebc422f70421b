"""Progressive resizing: small training images in the first epochs, which cost less, and larger ones later.

Howard's way to DAWNBench (2018). A graph is traced once for all sizes, and the size is a variable in it.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from src.config.training import TrainingConfig


class _Size:
    """Height and width; hidden from Keras, which would count them among the model's weights."""

    def __init__(self) -> None:
        self.value: Any = keras.Variable([1, 1], dtype="int32", trainable=False, name="size")


class Resize(keras.layers.Layer):
    """Resize the images [B, H, W, C] of a training step to the size that is set; else pass them on."""

    def __init__(self) -> None:
        super().__init__(name="resize", dtype="float32")
        self.supports_jit = False  # a size that changes is none that XLA knows
        self._size = _Size()

    def set(self, height: int, width: int) -> None:
        """Set the size of the steps that follow."""
        self._size.value.assign([height, width])

    def call(self, images: Any, training: bool = False) -> Any:
        if not training:
            return images
        # keras.ops resizes to sizes that are known when the graph is traced.
        return tf.image.resize(images, self._size.value.value, "bilinear", antialias=True)


def size_in(epoch: int, config: TrainingConfig, height: int, width: int) -> tuple[int, int]:
    """Return the height and width of the training images in an epoch, counted from 0: the smaller side grows evenly."""
    assert config.progressive_resizing is not None
    start, end = config.progressive_resizing
    done = epoch / (config.epochs - 1) if config.epochs > 1 else 1.0
    side = start + (end - start) * done
    return max(1, round(side * height / min(height, width))), max(1, round(side * width / min(height, width)))


def takes_size(network: keras.Model, side: int) -> bool:
    """Whether a network takes images of another size, too: tried with one of `side` pixels."""
    channels = network.input_shape[-1]
    shape: Any = [None, None, None, channels]
    ask = tf.function(
        lambda images: network(images, training=False), input_signature=[tf.TensorSpec(shape, tf.float32)]
    )
    try:
        ask(tf.constant(np.zeros((1, side, side, channels), np.float32)))
    except (ValueError, TypeError, tf.errors.InvalidArgumentError):
        return False
    return True
