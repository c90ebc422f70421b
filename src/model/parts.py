"""What several architectures are made of."""

from __future__ import annotations

from src.model.net import Net, T


def scaled(width: int, filters: int, published: int) -> int:
    """Scale a published width by `filters` over the published width of the first block."""
    return max(1, round(width * filters / published))


def conv_relu(
    net: Net[T], x: T, name: str, filters: int, kernel: int, batch_norm: bool, stride: int = 1, padding: str = "same"
) -> T:
    """Convolution, batch normalization if wanted, ReLU."""
    return net.relu(conv_norm(net, x, name, filters, kernel, batch_norm, stride, padding), f"{name}_relu")


def conv_norm(
    net: Net[T], x: T, name: str, filters: int, kernel: int, batch_norm: bool, stride: int = 1, padding: str = "same"
) -> T:
    """Convolution and batch normalization, which takes the place of the bias: it would subtract it again."""
    x = net.conv(x, name, filters, kernel, stride, padding, bias=not batch_norm)
    return net.normalize(x, f"{name}_norm") if batch_norm else x


def dense_relu(net: Net[T], x: T, name: str, units: int, batch_norm: bool) -> T:
    """Dense layer, batch normalization (in place of the bias) if wanted, ReLU."""
    x = net.dense(x, name, units, bias=not batch_norm)
    x = net.normalize(x, f"{name}_norm") if batch_norm else x
    return net.relu(x, f"{name}_relu")
