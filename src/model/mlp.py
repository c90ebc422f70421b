"""Flatten and hidden layers: what an image classifier is without convolutions."""

from __future__ import annotations

from src.config.model import MLP
from src.model.net import Net, T
from src.model.parts import dense_relu


def connect(net: Net[T], x: T, config: MLP) -> T:
    """Return the features that the last dense layer reads: `depth` times dense, ReLU, dropout."""
    x = net.flatten(x, "flatten")
    for number in range(1, config.depth + 1):
        x = dense_relu(net, x, f"dense{number}", config.dense_units, config.batch_norm)
        x = net.dropout(x, f"dropout{number}", config.dropout)
    return x
