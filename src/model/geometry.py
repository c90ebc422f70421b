"""Sizes without a model: OH = (H + 2P - FH) / S + 1, rounded down, for every convolution and pooling.

No Keras here: the question whether an image survives its network is answered before TensorFlow is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from src.config.model import Custom, ModelConfig, Pretrained, check
from src.config.pretrained import check_size
from src.model import architectures
from src.model.net import Net

Shape = tuple[int, ...]


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return the pixels that Keras's `same` padding adds (before, after): an odd one goes after."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def output_size(size: int, kernel: int, stride: int, padding: str) -> int:
    """Return OH = (H + 2P - FH) / S + 1, rounded down; 2P is both sides together, and 0 if `padding` is valid.

    A result of 0 or less means that the window does not fit once.
    """
    added = sum(same_padding(size, kernel, stride)) if padding == "same" else 0
    return (size + added - kernel) // stride + 1


class ShrunkError(ValueError):
    """A layer's window does not fit its input."""


class ShapeNet(Net[Shape]):
    """Follow the shape of one image; `shapes` keeps the output of each convolution, pooling and dense layer."""

    def __init__(self) -> None:
        self.shapes: dict[str, Shape] = {}

    def _window(self, x: Shape, name: str, channels: int, window: tuple[int, int, str]) -> Shape:
        kernel, stride, padding = window
        height, width = (output_size(side, kernel, stride, padding) for side in x[:2])
        if height < 1 or width < 1:
            raise ShrunkError(
                f"layer {name} (window {kernel}x{kernel}, stride {stride}, padding {padding}) gets {x[0]}x{x[1]} "
                f"and would give {max(height, 0)}x{max(width, 0)}"
            )
        return self._keep(name, (height, width, channels))

    def _keep(self, name: str, shape: Shape) -> Shape:
        self.shapes[name] = shape
        return shape

    def conv(self, x, name, filters, kernel, stride=1, padding="same", bias=True, identity=False):
        return self._window(x, name, filters, (kernel, stride, padding))

    def whiten(self, x, name, size):
        return self._window(x, name, 2 * size * size * x[2], (size, 1, "valid"))

    def pool(self, x, name, size, stride, padding="valid", kind="max"):
        return self._window(x, name, x[2], (size, stride, padding))

    def dense(self, x, name, units, bias=True):
        return self._keep(name, (units,))

    def normalize(self, x, name, bias_scale=0.0):
        return x

    def relu(self, x, name):
        return x

    def gelu(self, x, name):
        return x

    def scale(self, x, name, factor):
        return x

    def dropout(self, x, name, rate):
        return x

    def spatial_dropout(self, x, name, rate):
        return x

    def flatten(self, x, name):
        return (x[0] * x[1] * x[2],)

    def global_average(self, x, name):
        return (x[2],)

    def global_max(self, x, name):
        return (x[2],)

    def concatenate(self, branches, name):
        height, width, _ = branches[0]
        return (height, width, sum(branch[2] for branch in branches))

    def add(self, x, y, name):
        if x != y:
            raise ValueError(f"layer {name} adds {x} and {y}")
        return x


def layer_shapes(config: ModelConfig, input_shape: tuple[int, int, int]) -> dict[str, Shape]:
    """Return the output shape of each layer that changes it, in order.

    Raises:
        ShrunkError: an image shrinks to nothing; the message names the layer and the sizes.
    """
    net = ShapeNet()
    architectures.connect(net, tuple(input_shape), config)
    return net.shapes


def check_geometry(config: ModelConfig | Custom | Pretrained, input_shape: tuple[int, int, int]) -> list[str]:
    """List the layer that shrinks an image of (height, width, channels) to nothing, if there is one.

    The values of `config` must have passed `src.config.model.check`. Of a network of one's own nothing is known.
    """
    if isinstance(config, Custom):
        return []
    if isinstance(config, Pretrained):
        return check_size(config, *input_shape[:2])
    error = _shrunk(config, input_shape)
    if error is None:
        return []
    height, width, _ = input_shape
    expected = f"`model` must leave at least 1x1 of a {height}x{width} image"
    return [f"{expected}, got: {error}; type e.g. {_repair(config, input_shape)}"]


def _shrunk(config: ModelConfig, input_shape: tuple[int, int, int]) -> ShrunkError | None:
    try:
        layer_shapes(config, input_shape)
    except ShrunkError as error:
        return error
    return None


def _repair(config: ModelConfig, input_shape: tuple[int, int, int]) -> str:
    """Return the mildest change that helps: of one key of the model, or of the images' size."""
    for key, value in _repairs(config):
        candidate = replace(config, **{key: value})
        if not check(candidate) and _shrunk(candidate, input_shape) is None:
            return f"model.{key}={value}"
    sizes = (size for size in (32, 64, 128, 256, 512) if _shrunk(config, (size, size, input_shape[2])) is None)
    return f"dataset.image_size={next(sizes, 1024)}"


def _repairs(config: ModelConfig) -> Iterator[tuple[str, Any]]:
    """Yield single changes that keep more of an image, the mildest first."""
    if hasattr(config, "padding"):
        yield "padding", "same"
    if hasattr(config, "stride"):
        yield "stride", 1
    if hasattr(config, "stem"):
        yield "stem", "small"
    else:
        yield from (("depth", depth) for depth in range(config.depth - 1, 0, -1))
    if hasattr(config, "pooling"):
        yield "pooling", "none"
