"""GoogLeNet: Szegedy et al., "Going Deeper with Convolutions" (CVPR 2015), without the auxiliary classifiers.

6,998,552 parameters at 224x224x3 and 1000 classes with `stem=published filters=64 depth=22 batch_norm=false`:
table 1 of the paper with biases, as in BVLC's Caffe model. (torchvision's has 6,624,904: batch normalization,
and 3x3 kernels where the paper has 5x5.) Local response normalization has no parameters and is left out.
"""

from __future__ import annotations

from src.config.model import Inception
from src.model.net import Net, T
from src.model.parts import conv_relu, scaled

PUBLISHED_FILTERS = 64

# Table 1: 1x1; 3x3 reduce, 3x3; 5x5 reduce, 5x5; projection after pooling.
_MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
# A module is two layers deep; the stem has three layers, the classifier one.
_BY_DEPTH = {
    10: ("3b", "4e", "5b"),
    14: ("3b", "4a", "4c", "4e", "5b"),
    18: ("3a", "3b", "4a", "4c", "4e", "5a", "5b"),
    22: tuple(_MODULES),
}


def connect(net: Net[T], x: T, config: Inception) -> T:
    """Return the features that the last dense layer reads.

    The small stem has a 3x3 convolution of stride 1 first and no pooling after it, so that the modules start
    at half of the image's size instead of an eighth.
    """
    x = _stem(net, x, config)
    stage = "3"
    for name in _BY_DEPTH[config.depth]:
        if name[0] != stage:
            x = net.pool(x, f"pool{stage}", 3, 2, "same")
            stage = name[0]
        x = _module(net, x, name, config)
    x = net.global_average(x, "average")
    return net.dropout(x, "dropout", config.dropout)


def _stem(net: Net[T], x: T, config: Inception) -> T:
    small = config.stem == "small"
    kernel, stride = (3, 1) if small else (7, 2)
    width, wide = (scaled(maps, config.filters, PUBLISHED_FILTERS) for maps in (64, 192))
    x = conv_relu(net, x, "conv1", width, kernel, config.batch_norm, stride)
    x = x if small else net.pool(x, "pool1", 3, 2, "same")
    x = conv_relu(net, x, "conv2_reduce", width, 1, config.batch_norm)
    x = conv_relu(net, x, "conv2", wide, 3, config.batch_norm)
    return net.pool(x, "pool2", 3, 2, "same")


def _module(net: Net[T], x: T, module: str, config: Inception) -> T:
    widths = [scaled(maps, config.filters, PUBLISHED_FILTERS) for maps in _MODULES[module]]

    def conv(y: T, part: str, position: int, kernel: int) -> T:
        return conv_relu(net, y, f"inception{module}_{part}", widths[position], kernel, config.batch_norm)

    branches = [
        conv(x, "1x1", 0, 1),
        conv(conv(x, "3x3_reduce", 1, 1), "3x3", 2, 3),
        conv(conv(x, "5x5_reduce", 3, 1), "5x5", 4, 5),
        conv(net.pool(x, f"inception{module}_pool", 3, 1, "same"), "project", 5, 1),
    ]
    return net.concatenate(branches, f"inception{module}")
