"""Networks for image classification, in plain Keras, scaled by `model.filters` and `model.depth`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from src.config.model import Custom, ModelConfig, Pretrained, check
from src.model.whitening import whiten

if TYPE_CHECKING:
    import keras

__all__ = ["build", "normalizes", "whiten"]


def build(
    config: ModelConfig | Custom | Pretrained,
    input_shape: tuple[int, int, int],
    classes: int,
    seed: int,
    scale: Sequence[float] | None = None,
    offset: Sequence[float] | None = None,
) -> keras.Model:
    """Build an uncompiled functional model.

    It takes images [B, H, W, C], uint8 or float32, and gives float32 probabilities [B, classes]. The same
    arguments give bit-identical weights and dropout masks, whatever was built before.

    Args:
        config: One of the dataclasses of `src.config.model`, values as in `conf/model/`; `Custom` for one's own.
        input_shape: (height, width, channels) of an image.
        classes: Number of classes, at least 2.
        seed: Of all initial weights and dropout masks, 0 or more.
        scale: Factor of each channel, applied to the raw pixels by the first layer; None for no such layer. A
            pretrained backbone has its own.
        offset: Added to each channel after `scale`; 0 by default.

    Raises:
        ValueError: A value of `config` is out of its limits, or an image shrinks to nothing in a layer.
        ModelError: A network of one's own cannot be trained.
    """
    # Keras and its backend take seconds to import; `src.model.geometry` is asked long before a model is built.
    import keras

    from src.model import architectures
    from src.model.geometry import check_geometry
    from src.model.layers import KerasNet

    if classes < 2:
        raise ValueError(f"Expected at least 2 classes, got {classes}")
    if isinstance(config, Custom):
        from src.model.own import build_own

        return build_own(config, input_shape, classes, seed, scale, offset)
    if isinstance(config, Pretrained):
        from src.model.pretrained import build_pretrained

        return build_pretrained(config, input_shape, classes, seed)
    problems = check(config) or check_geometry(config, input_shape)
    if problems:
        raise ValueError("\n".join(problems))
    net = KerasNet(seed, l1=config.l1, l2=config.l2)
    # float32, not uint8: Keras casts what it is given to this type, and [0, 1] images would be cut to zeros.
    images = keras.Input(input_shape, dtype="float32", name="images")
    features = architectures.connect(net, net.rescale(images, scale, offset), config)
    return keras.Model(images, net.probabilities(features, classes), name=config.name)


def normalizes(network: keras.Model) -> bool:
    """Whether a network normalizes by the statistics of its batches."""
    import keras

    layers = network._flatten_layers()  # those inside of other layers, too
    return any(isinstance(layer, keras.layers.BatchNormalization) and layer.trainable for layer in layers)
