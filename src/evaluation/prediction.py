import time
from typing import Any

import keras
import numpy as np

from src.dataset import Split
from src.training import evaluation_batch_size

LATENCY_RUNS, LATENCY_WARMUP = 50, 5
BOTH_WAYS = "both_ways"  # the name of a model that asks about mirror images itself


def predict(model: keras.Model, split: Split, flips: bool = False) -> np.ndarray:
    """Return the probability of each class, float32 [N, classes], for a split's images, uint8 [N, H, W, C].

    With `flips` it is the mean of those of an image and of its mirror image.
    """
    size = evaluation_batch_size(split)
    starts = range(0, len(split.images), size)
    ask = predict_both_ways if flips else predict_batch
    return np.concatenate([ask(model, split.images[start : start + size]) for start in starts])


def predict_both_ways(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Do as `predict_batch` for images and for their mirror images; return the mean."""
    return (predict_batch(model, images) + predict_batch(model, images[:, :, ::-1])) / 2


def both_ways(model: keras.Model) -> keras.Model:
    """Return a model that says by itself what `predict_both_ways` makes of this one; one that does so already as it is.

    It shares the weights, and any Keras loads it.
    """
    if model.name == BOTH_WAYS:
        return model
    images = keras.Input(model.input_shape[1:], dtype=model.inputs[0].dtype, name="images")
    mirrored: Any = keras.ops.flip(images, axis=2)
    mean = keras.layers.Average(dtype="float32", name="mean")([model(images), model(mirrored)])
    return keras.Model(images, mean, name=BOTH_WAYS)


def predict_batch(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Do as `predict` for images that fit a batch.

    The model is called as a function: `model.predict` would trace a graph first, which costs more than it saves.
    """
    return np.asarray(keras.ops.convert_to_numpy(model(images, training=False)), np.float32)


def true_classes(split: Split) -> np.ndarray:
    """Return the index of each image's class, integer [N], however the labels are encoded."""
    return split.labels.argmax(axis=-1) if split.labels.ndim == 2 else split.labels


def latency_ms(model: keras.Model, split: Split) -> float:
    """Return the milliseconds that the model takes for one image: the median of `LATENCY_RUNS`, after warming up."""
    image = split.images[:1]
    seconds = []
    for _ in range(LATENCY_RUNS + LATENCY_WARMUP):
        started = time.perf_counter()
        model.predict_on_batch(image)
        seconds.append(time.perf_counter() - started)
    return 1000 * float(np.median(seconds[LATENCY_WARMUP:]))
