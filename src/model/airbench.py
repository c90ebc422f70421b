"""airbench: Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (2024).

Depth 8 is its airbench94 and depth 11 its airbench96, whose groups have a third convolution and a residual around it;
the widths there are 64, 256, 256 (`filters=64`) and 128, 384, 512. What differs: poolings keep a rest at the border, so
that 8x8 pixels are enough; the last pooling is over whatever is left, so that any size has the same weights; the
whitening layer has no bias of its own.
"""

from __future__ import annotations

from src.config.model import Airbench
from src.model.net import Net, T

WHITENING = "whitening"  # the layer whose kernels `whiten` sets
PATCH = 2  # pixels a side
GROUPS = (1, 4, 4)  # width, in `filters`
LOGITS = 1 / 9  # what the features are multiplied by: the first outputs are nearly even


def connect(net: Net[T], x: T, config: Airbench) -> T:
    """Return the features that the last dense layer reads."""
    x = net.whiten(x, WHITENING, PATCH)
    x = net.gelu(x, f"{WHITENING}_gelu")
    for number, width in enumerate(GROUPS, start=1):
        x = _group(net, x, f"group{number}", config.filters * width, config)
    x = net.global_max(x, "most")
    x = net.scale(x, "logits_scale", LOGITS)
    return net.dropout(x, "dropout", config.dropout)


def _group(net: Net[T], x: T, name: str, width: int, config: Airbench) -> T:
    """Convolve and pool, then convolve again, once or, around a residual, twice."""
    x = _convolve(net, x, f"{name}_conv1", width, config)
    x = net.pool(x, f"{name}_pool", 2, 2, "same")
    x = net.gelu(_normalize(net, x, f"{name}_norm1", config), f"{name}_gelu1")
    y = _normalize(net, _convolve(net, x, f"{name}_conv2", width, config), f"{name}_norm2", config)
    if config.depth == 11:
        y = net.gelu(y, f"{name}_gelu2")
        y = _normalize(net, _convolve(net, y, f"{name}_conv3", width, config), f"{name}_norm3", config)
        y = net.add(x, y, f"{name}_add")
    return net.gelu(y, f"{name}_gelu_last")


def _convolve(net: Net[T], x: T, name: str, width: int, config: Airbench) -> T:
    return net.conv(x, name, width, 3, bias=not config.batch_norm, identity=True)


def _normalize(net: Net[T], x: T, name: str, config: Airbench) -> T:
    return net.normalize(x, name, config.bias_scale) if config.batch_norm else x
