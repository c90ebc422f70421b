"""A backbone that is built in no time, in place of those that have seen ImageNet."""

from typing import Any

import keras
import numpy as np
from keras import layers

from src.config.pretrained import Pretrained
from src.dataset import Dataset, Split
from src.model import backbones

SIZE = 32


def settings(**values: Any) -> Pretrained:
    """Return settings of `model=pretrained`; the backbone's weights count as ImageNet's."""
    given: dict[str, Any] = {"backbone": "MobileNetV2", "weights": "imagenet", "trainable": "head", "pooling": "avg"}
    return Pretrained(**{**given, "dense_units": 6, "dropout": 0.3, **values})


def small(config: Pretrained, height: int, width: int, seed: int) -> keras.Model:
    """Build two blocks with batch normalization, as `backbones.load` builds a large one: always the same."""
    given = x = keras.Input((height, width, 3))
    for i in range(2):
        start: Any = keras.initializers.GlorotUniform(i)
        x = layers.Conv2D(4, 3, 4, "same", kernel_initializer=start, name=f"conv{i}")(x)
        x = layers.BatchNormalization(name=f"norm{i}")(x)
        x = layers.Add(name=f"add{i}")([x, layers.ReLU()(x)])
    return backbones._steady(keras.Model(given, layers.Dropout(0.5)(x), name="small"))


def array(tensor: Any) -> np.ndarray:
    """Return the values of a tensor or a variable."""
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def photographs(count: int = 24, channels: int = 3, seed: int = 0) -> Dataset:
    """Return images of two classes, one of them brighter."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(count) % 2).astype("int32")
    noise = rng.integers(0, 150, (count, SIZE, SIZE, channels)) + 100 * labels[:, None, None, None]
    images = noise.astype("uint8")
    return Dataset("made", Split(images, labels), Split(images[::2], labels[::2]), None, ("dark", "light"), None, None)
