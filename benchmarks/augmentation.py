"""Augmented images a second: ours, ImageDataGenerator's, and five Keras layers in a row.

    python -m benchmarks.augmentation [rounds]

Rotation, shifts, shear, zoom and flip over the same ranges, batches of 128, all cores, in one process. In each round
(7 by default) every way has its turn; the rows are medians over the rounds, and so are the ratios, each of one round.
Costs about half a minute.
"""

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from src.process import quiet_native_stderr

with quiet_native_stderr():
    import keras
    import tensorflow as tf
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    from src.augmentation.stream import Augment
    from src.config.augmentation import AugmentationConfig

BATCH, SECONDS = 128, 0.5  # of a turn
SHAPES = ((28, 28, 1), (32, 32, 3))
DEGREES, PART = 10.0, 0.1
RANGES: dict[str, Any] = {
    "rotation_range": DEGREES,
    "width_shift_range": PART,
    "height_shift_range": PART,
    "shear_range": DEGREES,
    "zoom_range": PART,
    "horizontal_flip": True,
}


def ways(images: np.ndarray) -> dict[str, Callable[[], Any]]:
    """Return what makes one augmented batch of `images`, by name."""
    turn = DEGREES / 360
    five = keras.Sequential(
        [
            keras.layers.RandomRotation(turn, fill_mode="nearest"),
            keras.layers.RandomTranslation(PART, PART, fill_mode="nearest"),
            keras.layers.RandomShear(float(np.sin(np.deg2rad(DEGREES))), 0.0, fill_mode="nearest"),
            keras.layers.RandomZoom((-PART, PART), (-PART, PART), fill_mode="nearest"),
            keras.layers.RandomFlip("horizontal"),
        ]
    )
    ours = Augment(AugmentationConfig(**RANGES), 0)
    batch = tf.constant(images)
    streams = {name: tf.function(lambda x, layer=layer: layer(x, training=True)) for name, layer in
               {"ours": ours, "five Keras layers": five}.items()}  # fmt: skip
    flow = ImageDataGenerator(**RANGES).flow(images, batch_size=BATCH, shuffle=False)
    return {
        "ours": lambda: streams["ours"](batch).numpy(),
        "ImageDataGenerator": lambda: next(flow),
        "five Keras layers": lambda: streams["five Keras layers"](batch).numpy(),
    }


def images_a_second(make: Callable[[], Any]) -> float:
    started, batches = time.perf_counter(), 0
    while (spent := time.perf_counter() - started) < SECONDS:
        make()
        batches += 1
    return batches * BATCH / spent


def main(rounds: int = 7) -> None:
    print("| images | " + " | ".join(("ours", "ImageDataGenerator", "five Keras layers", "ratios")) + " |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for shape in SHAPES:
        images = np.random.default_rng(0).uniform(0, 255, (BATCH, *shape)).astype("float32")
        makers = ways(images)
        for make in makers.values():
            make()
        speeds = [{name: images_a_second(make) for name, make in makers.items()} for _ in range(rounds)]
        cells = [f"{statistics.median(speed[name] for speed in speeds):,.0f}" for name in makers]
        ratios = [statistics.median(s["ours"] / s[name] for s in speeds) for name in list(makers)[1:]]
        print(f"| {'x'.join(map(str, shape))} | {' | '.join(cells)} | {ratios[0]:.1f}, {ratios[1]:.1f} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
