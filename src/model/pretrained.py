"""`model=pretrained`: raw pixels, a backbone's own view of them, the backbone, pooling, a head."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras

from src.config.pretrained import Pretrained
from src.dataset import Dataset
from src.model import backbones
from src.model.layers import KerasNet


def build_pretrained(
    config: Pretrained,
    input_shape: tuple[int, int, int],
    classes: int,
    seed: int,
    head: keras.Model | None = None,
    shared: bool = False,
) -> keras.Model:
    """Build the whole network: images in, probabilities out.

    Batch normalization in the backbone stays as for inference, also where its weights learn: a few hundred photographs
    would spoil ImageNet's statistics (https://keras.io/guides/transfer_learning).

    Args:
        config: Its settings.
        input_shape: Of the images, with 1 or 3 channels.
        classes: How many.
        seed: Of the head, and of a backbone with random weights.
        head: One that is there already.
        shared: Whether the backbone, which learns nothing, may be that of other networks as well.
    """
    height, width, _ = input_shape
    images = keras.Input(input_shape, dtype="float32", name="images")
    if shared:
        backbone = backbones.frozen(config, height, width)
    else:
        backbone = backbones.own(config, height, width, seed)
        backbones.free(backbone, config.trainable)
    maps = backbone(backbones.prepared(images, config.backbone))
    features = pooled(maps, config.pooling)
    head = head or build_head(config, features.shape[-1], classes, seed)
    return keras.Model(images, head(features), name="pretrained")


def build_head(config: Pretrained, features: int, classes: int, seed: int) -> keras.Model:
    """Build what learns: a hidden layer if wanted, dropout, probabilities, of float32 features [B, features]."""
    net = KerasNet(seed)
    given: Any = keras.Input((features,), dtype="float32", name="features")
    x = given
    if config.dense_units:
        x = net.relu(net.dense(x, "dense", config.dense_units), "dense_relu")
    x = net.dropout(x, "dropout", config.dropout)
    return keras.Model(given, net.probabilities(x, classes), name="head")


def pooled(maps: Any, pooling: str) -> Any:
    """Return one float32 number a channel."""
    kind = keras.layers.GlobalMaxPooling2D if pooling == "max" else keras.layers.GlobalAveragePooling2D
    return kind(dtype="float32", name=f"{pooling}_pooling")(maps)


def backbone_of(network: keras.Model) -> keras.Model:
    """Return the backbone within a whole network."""
    return next(layer for layer in network.layers if isinstance(layer, keras.Model) and layer.name != "head")


def as_backbones_see(data: Dataset) -> Dataset:
    """Return a dataset whose pixels nothing scales: each backbone has its own way, within the network."""
    plain = data.preprocessing and dataclasses.replace(data.preprocessing, scaling="none")
    return dataclasses.replace(data, scale=None, offset=None, preprocessing=plain)
