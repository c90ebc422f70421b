"""The network of all ways, that of `model=cnn`, and its training in plain Keras."""

import os
import time
from collections.abc import Callable, Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks.peers.setting import BATCH, EPOCHS, Values, images, log, seed

CLASSES = 10


class Log(keras.callbacks.Callback):
    """Writes each epoch's time and validation accuracy where they are measured."""

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        with log().open("a") as file:
            file.write(f"{time.time():.3f} {(logs or {})['val_accuracy']:.5f}\n")


def load() -> tuple[np.ndarray, ...]:
    """Return x, y, x_val, y_val: uint8 images [N, 28, 28, 1] and integer labels."""
    with np.load(images()) as arrays:
        return tuple(arrays[name] for name in ("x", "y", "x_val", "y_val"))


def build(values: Values) -> keras.Model:
    """Return a compiled network."""
    bias, layers = not values["batch_norm"], [keras.Input((28, 28, 1)), keras.layers.Rescaling(1 / 255)]
    norm = [keras.layers.BatchNormalization] if values["batch_norm"] else []
    for block in range(values["depth"]):
        layers.append(keras.layers.Conv2D(values["filters"] * 2**block, 3, padding="same", use_bias=bias))
        layers += [keras.layers.MaxPooling2D(), *(make(momentum=0.9) for make in norm), keras.layers.ReLU()]
    layers += [keras.layers.Flatten(), keras.layers.Dense(128, use_bias=bias)]
    layers += [*(make(momentum=0.9) for make in norm), keras.layers.ReLU(), keras.layers.Dropout(values["dropout"])]
    model = keras.Sequential([*layers, keras.layers.Dense(CLASSES, "softmax")])
    optimizer = keras.optimizers.get(
        {"class_name": values["optimizer"], "config": {"learning_rate": values["learning_rate"]}}
    )
    # XLA is slower on a processor.
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)  # pyright: ignore
    return model


def train(values: Values, data: Sequence[np.ndarray], after: Callable[[int, dict], None] | None = None) -> float:
    """Train one configuration; `after(epoch, metrics)` hears of each epoch, counted from 1, and may raise.

    Returns:
        The best validation accuracy.
    """
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed())
    x, y, x_val, y_val = data
    hears = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: after(epoch + 1, dict(logs or {})) if after else None
    )
    fitted = build(values).fit(
        x,
        y,
        BATCH,
        EPOCHS,
        verbose=0,  # pyright: ignore
        validation_data=(x_val, y_val),
        callbacks=[Log(), hears],  # pyright: ignore
    )
    return max(fitted.history["val_accuracy"])
