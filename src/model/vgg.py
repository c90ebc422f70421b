"""VGG: Simonyan, Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition" (ICLR 2015).

Parameters at 224x224x3 and 1000 classes with `stem=published filters=64 batch_norm=false`, by depth:
11: 132,863,336; 13: 133,047,848; 16: 138,357,544; 19: 143,667,240 (the paper's 133, 133, 138, 144 million,
its configurations A, B, D and E).
"""

from __future__ import annotations

from src.config.model import VGG
from src.model.net import Net, T
from src.model.parts import conv_relu, dense_relu, scaled

PUBLISHED_FILTERS = 64

_WIDTHS = (64, 128, 256, 512, 512)
# 3x3 convolutions of each block; the dense layers make up the depth.
_CONVOLUTIONS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


def connect(net: Net[T], x: T, config: VGG) -> T:
    """Return the features that the last dense layer reads.

    The small stem's poolings keep a rest at the border, so that no image is too small for five of them, and
    its classifier is a global average and one hidden layer of 512 instead of two of 4096.
    """
    small = config.stem == "small"
    for block, count in enumerate(_CONVOLUTIONS[config.depth], start=1):
        width = scaled(_WIDTHS[block - 1], config.filters, PUBLISHED_FILTERS)
        for number in range(1, count + 1):
            x = conv_relu(net, x, f"block{block}_conv{number}", width, 3, config.batch_norm)
        x = net.pool(x, f"block{block}_pool", 2, 2, "same" if small else "valid")
    x = net.global_average(x, "average") if small else net.flatten(x, "flatten")
    for number, units in enumerate((512,) if small else (4096, 4096), start=1):
        x = dense_relu(net, x, f"fc{number}", scaled(units, config.filters, PUBLISHED_FILTERS), config.batch_norm)
        x = net.dropout(x, f"dropout{number}", config.dropout)
    return x
