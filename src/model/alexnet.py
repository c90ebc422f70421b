"""AlexNet: Krizhevsky, Sutskever, Hinton, "ImageNet Classification with Deep CNNs" (NIPS 2012).

60,965,224 parameters at 227x227x3 and 1000 classes with `stem=published filters=96 depth=8 batch_norm=false`;
the paper says "60 million". (It says 224x224 too, but its 55x55 maps need 227 = 54 * 4 + 11.)

The two towers are the paper's, each on what was then a GPU of its own; they meet in conv3 and in the dense
layers. Local response normalization has no parameters, helps little (VGG paper, section 4.1), and is left out.
"""

from __future__ import annotations

from src.config.model import AlexNet
from src.model.net import Net, T
from src.model.parts import conv_relu, dense_relu, scaled

PUBLISHED_FILTERS = 96

# Maps of one tower and kernel size of each convolution after the first.
_CONVOLUTIONS = {2: (128, 5), 3: (192, 3), 4: (192, 3), 5: (128, 3)}
# After the second pooling; the paper's section 7 removes middle layers at a loss of about 2% (top-1).
_LAST_CONVOLUTIONS = {6: (5,), 7: (3, 5), 8: (3, 4, 5)}


def connect(net: Net[T], x: T, config: AlexNet) -> T:
    """Return the features that the last dense layer reads.

    The small stem has a 3x3 convolution of stride 1 first, poolings that keep a rest at the border, and
    hidden layers a quarter as wide: 8x8 to 64x64 pixels have nothing for 4096 units to tell apart.
    """
    small = config.stem == "small"
    padding = "same" if small else "valid"
    kernel, stride = (3, 1) if small else (11, 4)
    width = scaled(48, config.filters, PUBLISHED_FILTERS)
    towers = [conv_relu(net, x, f"conv1_{tower}", width, kernel, config.batch_norm, stride, padding) for tower in "ab"]
    towers = _pool(net, towers, 1, padding)
    towers = _pool(net, _convolve(net, towers, 2, config), 2, padding)
    for position, number in enumerate(_LAST_CONVOLUTIONS[config.depth]):
        if position == 0:
            towers = [net.concatenate(towers, "towers_meet")] * 2
        towers = _convolve(net, towers, number, config)
    towers = _pool(net, towers, 5, padding)
    return _classifier(net, net.concatenate(towers, "towers_join"), config, units=1024 if small else 4096)


def _convolve(net: Net[T], towers: list[T], number: int, config: AlexNet) -> list[T]:
    maps, kernel = _CONVOLUTIONS[number]
    width = scaled(maps, config.filters, PUBLISHED_FILTERS)
    return [
        conv_relu(net, x, f"conv{number}_{tower}", width, kernel, config.batch_norm)
        for x, tower in zip(towers, "ab", strict=True)
    ]


def _pool(net: Net[T], towers: list[T], number: int, padding: str) -> list[T]:
    return [net.pool(x, f"pool{number}_{tower}", 3, 2, padding) for x, tower in zip(towers, "ab", strict=True)]


def _classifier(net: Net[T], x: T, config: AlexNet, units: int) -> T:
    width = scaled(units, config.filters, PUBLISHED_FILTERS)
    x = net.flatten(x, "flatten")
    for number in (6, 7):
        x = dense_relu(net, x, f"fc{number}", width, config.batch_norm)
        x = net.dropout(x, f"dropout{number}", config.dropout)
    return x
