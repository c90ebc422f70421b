"""ResNet: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition" (CVPR 2016).

Trainable parameters at 224x224x3 and 1000 classes with `stem=published filters=64 batch_norm=true`, by depth:
18: 11,689,512; 34: 21,797,672; 50: 25,557,032; 101: 44,549,160; 152: 60,192,808. These are torchvision's counts:
no biases beside batch normalization, moving averages not counted (keras.applications has both: 25,636,712 for
50 layers). As there, a bottleneck block strides in its 3x3 convolution, not in the first 1x1.
"""

from __future__ import annotations

from src.config.model import ResNet
from src.model.net import Net, T
from src.model.parts import conv_norm, conv_relu

PUBLISHED_FILTERS = 64

# Table 1: blocks of each stage.
_BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
_EXPANSION = 4  # output width of a bottleneck block over its inner width


def connect(net: Net[T], x: T, config: ResNet) -> T:
    """Return the features that the last dense layer reads.

    The small stem is one 3x3 convolution of stride 1, as in the paper's section 4.2 on CIFAR-10.
    """
    if config.stem == "small":
        x = conv_relu(net, x, "stem_conv", config.filters, 3, config.batch_norm)
    else:
        x = conv_relu(net, x, "stem_conv", config.filters, 7, config.batch_norm, stride=2)
        x = net.pool(x, "stem_pool", 3, 2, "same")
    for stage, blocks in enumerate(_BLOCKS[config.depth], start=1):
        for block in range(1, blocks + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            x = _block(net, x, f"stage{stage}_block{block}", config, config.filters * 2 ** (stage - 1), stride)
    x = net.global_average(x, "average")
    return net.dropout(x, "dropout", config.dropout)


def _block(net: Net[T], x: T, name: str, config: ResNet, width: int, stride: int) -> T:
    """Add a branch of convolutions to `x`, which is projected where the shapes differ."""
    norm = config.batch_norm
    bottleneck = config.depth >= 50
    if bottleneck:
        y = conv_relu(net, x, f"{name}_conv1", width, 1, norm)
        y = conv_relu(net, y, f"{name}_conv2", width, 3, norm, stride)
        y = conv_norm(net, y, f"{name}_conv3", width * _EXPANSION, 1, norm)
    else:
        y = conv_relu(net, x, f"{name}_conv1", width, 3, norm, stride)
        y = conv_norm(net, y, f"{name}_conv2", width, 3, norm)
    if stride > 1 or (bottleneck and name == "stage1_block1"):
        x = conv_norm(net, x, f"{name}_project", width * (_EXPANSION if bottleneck else 1), 1, norm, stride)
    return net.relu(net.add(x, y, f"{name}_add"), f"{name}_relu")
