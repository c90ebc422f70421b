"""The architectures by their settings."""

from __future__ import annotations

from src.config.model import CNN, MLP, VGG, Airbench, AlexNet, Inception, ModelConfig, ResNet
from src.model import airbench, alexnet, cnn, inception, mlp, resnet, vgg
from src.model.net import Net, T


def connect(net: Net[T], x: T, config: ModelConfig) -> T:
    """Lay the network of `config` on an image `x`; return the features that the last dense layer reads."""
    match config:
        case CNN():
            return cnn.connect(net, x, config)
        case MLP():
            return mlp.connect(net, x, config)
        case AlexNet():
            return alexnet.connect(net, x, config)
        case VGG():
            return vgg.connect(net, x, config)
        case Inception():
            return inception.connect(net, x, config)
        case ResNet():
            return resnet.connect(net, x, config)
        case Airbench():
            return airbench.connect(net, x, config)
        case _:
            raise TypeError(f"Expected a dataclass of src.config.model, got {type(config).__name__}")
