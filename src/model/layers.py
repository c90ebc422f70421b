"""Keras layers for a `Net`: plain Keras 3, every layer named, every random number from the model's seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zlib import crc32

import keras
import numpy as np

from src.model.net import Net

# Keras's default of 0.99 needs hundreds of steps; short trials have a few dozen before the first validation.
_NORM_MOMENTUM = 0.9


class KerasNet(Net[keras.KerasTensor]):
    """Make Keras layers.

    A layer's seed comes from (seed, layer name): the same in every build, and the same whether or not
    another layer, a dropout say, is there.
    """

    def __init__(self, seed: int, l1: float = 0.0, l2: float = 0.0) -> None:
        self._seed = seed
        self._l1 = l1
        self._l2 = l2

    def _layer_seed(self, name: str) -> int:
        # int32 is what every backend takes as a seed.
        return int(np.random.SeedSequence([self._seed, crc32(name.encode())]).generate_state(1)[0] >> 1)

    def _kernel(self, name: str, initializer: type[keras.Initializer]) -> dict[str, Any]:
        regularizer = keras.regularizers.L1L2(l1=self._l1, l2=self._l2) if self._l1 or self._l2 else None
        seeded = initializer(seed=self._layer_seed(name))  # pyright: ignore[reportCallIssue]
        return {"kernel_initializer": seeded, "kernel_regularizer": regularizer}

    def conv(self, x, name, filters, kernel, stride=1, padding="same", bias=True, identity=False):
        layer: Any = keras.layers.Conv2D(
            filters,
            kernel,
            strides=stride,
            padding=padding,
            use_bias=bias,
            name=name,
            **self._kernel(name, keras.initializers.HeNormal),
        )
        result = layer(x)
        if identity:
            # Not by an initializer of ours, which nobody else could load the model with.
            drawn = np.array(keras.ops.convert_to_numpy(layer.kernel))
            channels = min(filters, drawn.shape[2])
            drawn[..., :channels] = 0
            drawn[kernel // 2, kernel // 2, range(channels), range(channels)] = 1
            layer.kernel.assign(drawn)
        return result

    def whiten(self, x, name, size):
        kernel = self._kernel(name, keras.initializers.HeNormal)
        filters = 2 * size * size * x.shape[-1]
        return keras.layers.Conv2D(filters, size, use_bias=False, trainable=False, name=name, **kernel)(x)

    def pool(self, x, name, size, stride, padding="valid", kind="max"):
        layer = keras.layers.MaxPooling2D if kind == "max" else keras.layers.AveragePooling2D
        return layer(size, strides=stride, padding=padding, name=name)(x)

    def dense(self, x, name, units, bias=True):
        kernel = self._kernel(name, keras.initializers.HeNormal)
        return keras.layers.Dense(units, use_bias=bias, name=name, **kernel)(x)

    def normalize(self, x, name, bias_scale=0.0):
        if not bias_scale:
            return keras.layers.BatchNormalization(momentum=_NORM_MOMENTUM, name=name)(x)
        # s (x / s + b) = x + s b: a gradient step moves s b by s^2 times as much as it would move b without s.
        factor = float(np.sqrt(bias_scale))
        inverse: Any = keras.initializers.Constant(1 / factor)
        layer: Any = keras.layers.BatchNormalization(momentum=_NORM_MOMENTUM, gamma_initializer=inverse, name=name)
        result = keras.layers.Rescaling(factor, name=f"{name}_scale")(layer(x))
        layer.gamma.trainable = False
        return result

    def relu(self, x, name):
        return keras.layers.ReLU(name=name)(x)

    def gelu(self, x, name):
        return keras.layers.Activation("gelu", name=name)(x)

    def scale(self, x, name, factor):
        return keras.layers.Rescaling(factor, name=name)(x)

    def dropout(self, x, name, rate):
        return keras.layers.Dropout(rate, seed=self._layer_seed(name), name=name)(x) if rate else x

    def spatial_dropout(self, x, name, rate):
        return keras.layers.SpatialDropout2D(rate, seed=self._layer_seed(name), name=name)(x) if rate else x

    def flatten(self, x, name):
        return keras.layers.Flatten(name=name)(x)

    def global_average(self, x, name):
        return keras.layers.GlobalAveragePooling2D(name=name)(x)

    def global_max(self, x, name):
        return keras.layers.GlobalMaxPooling2D(name=name)(x)

    def concatenate(self, branches, name):
        return keras.layers.Concatenate(name=name)(list(branches))

    def add(self, x, y, name):
        return keras.layers.Add(name=name)([x, y])

    def rescale(self, x: Any, scale: Sequence[float] | None, offset: Sequence[float] | None):
        """Return `x * scale + offset` by channel, in float32: a half-precision pixel would lose contrast."""
        if scale is None:
            return x
        factor: Any = [float(value) for value in scale]
        shift: Any = [float(value) for value in offset or [0.0] * len(factor)]
        return keras.layers.Rescaling(factor, shift, dtype="float32", name="rescaling")(x)

    def probabilities(self, x: keras.KerasTensor, classes: int):
        """Return softmax probabilities, float32 under every precision policy."""
        kernel = self._kernel("probabilities", keras.initializers.GlorotUniform)
        return keras.layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities", **kernel)(x)
