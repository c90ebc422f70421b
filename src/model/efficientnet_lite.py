"""EfficientNet-Lite0: Tan & Le, "EfficientNet" (ICML 2019), as Google has it for processors without much (2020).

EfficientNet-B0 without squeeze-and-excitation, and with ReLU6 in place of swish: 4,652,008 parameters with its 1000
classes (75.1% of ImageNet's validation images, as published), 3,371,008 without. Its pixels are (x - 127) / 128. The
layers have the names that the published weights have for PyTorch, but for dots and leading underscores.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import layers

# Of each stage: blocks, kernel size, stride of the first block, expansion, channels.
STAGES = (
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)  # fmt: skip
STEM, HEAD = 32, 1280
_EPSILON = 1e-3


class WrongWeights(ValueError):
    """Weights of another network; the message says which of them differ."""


def efficientnet_lite0(input_shape: tuple[int, int, int], classes: int = 0) -> keras.Model:
    """Return the network with random weights: maps [B, H / 32, W / 32, 1280], or with `classes` probabilities."""
    images = keras.Input(input_shape)
    x = _conv(images, "conv_stem", "bn0", STEM, 3, 2)
    number = 0
    for blocks, kernel, stride, expansion, channels in STAGES:
        for block in range(blocks):
            x = _block(x, f"blocks_{number}", kernel, stride if block == 0 else 1, expansion, channels)
            number += 1
    x = _conv(x, "conv_head", "bn1", HEAD)
    if classes:
        x = layers.GlobalAveragePooling2D(name="avg_pooling")(x)
        x = layers.Dense(classes, activation="softmax", name="fc")(x)
    return keras.Model(images, x, name="efficientnet_lite0")


def _block(x: Any, name: str, kernel: int, stride: int, expansion: int, channels: int) -> Any:
    """Expand, convolve each channel by itself, project; and add what came in where the shapes allow it."""
    start, width = x, x.shape[-1]
    if expansion > 1:
        x = _conv(x, f"{name}_expand_conv", f"{name}_bn0", width * expansion)
    depthwise = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False, name=f"{name}_depthwise_conv")
    x = _relu6(_normalize(depthwise(x), f"{name}_bn1"), f"{name}_bn1")
    x = layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_project_conv")(x)
    x = _normalize(x, f"{name}_bn2")
    return layers.Add(name=f"{name}_add")([x, start]) if stride == 1 and width == channels else x


def _conv(x: Any, name: str, norm: str, filters: int, kernel: int = 1, stride: int = 1) -> Any:
    x = layers.Conv2D(filters, kernel, stride, "same", use_bias=False, name=name)(x)
    return _relu6(_normalize(x, norm), norm)


def _normalize(x: Any, name: str) -> Any:
    return layers.BatchNormalization(epsilon=_EPSILON, name=name)(x)


def _relu6(x: Any, name: str) -> Any:
    return layers.ReLU(6.0, name=f"{name}_relu6")(x)


def set_torch_weights(network: keras.Model, tensors: Mapping[str, np.ndarray]) -> None:
    """Put the published weights, as they are for PyTorch, into the network.

    Raises:
        WrongWeights: They are another network's.
    """
    left = {name for name in tensors if not name.endswith("num_batches_tracked")}
    for layer in network.layers:
        if not layer.weights:
            continue
        prefix = re.sub(r"^blocks_(\d+)_", r"blocks.\1._", layer.name)
        values = [
            _taken(tensors, f"_{prefix}.{part}", weight, layer)
            for part, weight in zip(_parts(layer), layer.weights, strict=True)
        ]
        left -= {f"_{prefix}.{part}" for part in _parts(layer)}
        layer.set_weights(values)
    if more := sorted(left - {"_fc.weight", "_fc.bias"}):
        raise WrongWeights(f"there is {more[0]}, which this network does not have")


def _parts(layer: keras.Layer) -> tuple[str, ...]:
    """Return what PyTorch calls the weights of a layer, in Keras's order."""
    if isinstance(layer, layers.BatchNormalization):
        return "weight", "bias", "running_mean", "running_var"
    return ("weight", "bias") if isinstance(layer, layers.Dense) else ("weight",)


def _taken(tensors: Mapping[str, np.ndarray], name: str, weight: Any, layer: keras.Layer) -> np.ndarray:
    if name not in tensors:
        raise WrongWeights(f"{name} is not there")
    tensor = tensors[name]
    axes = {2: (1, 0), 4: (2, 3, 0, 1) if isinstance(layer, layers.DepthwiseConv2D) else (2, 3, 1, 0)}.get(tensor.ndim)
    turned = tensor if axes is None else tensor.transpose(axes)
    if turned.shape != tuple(weight.shape):
        raise WrongWeights(f"{name} has the shape {turned.shape}, where {tuple(weight.shape)} is expected")
    return turned.astype("float32")
