"""Augmented images a second: ours, ImageDataGenerator's, and Keras's layers called by hand.

    python -m benchmarks.augmentation [rounds]

First rotation, shifts, shear, zoom and flip over the same ranges, in seconds of the clock; then each newer kind, in
seconds of the processor. Batches of 128, all cores, in one process. In each round (7 by default) every way has its
turn; the rows are medians over the rounds, and so are the ratios, each of one round. Costs about a minute and a half.
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

    from src.augmentation.mix import Mix
    from src.augmentation.stream import Augment
    from src.config.augmentation import AugmentationConfig

BATCH, SECONDS = 128, 0.5  # of a turn
CLASSES = 10
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


def by_hand(shape: tuple[int, int, int]) -> dict[str, Any]:
    """Return Keras's layer for each kind, as near to ours as its arguments come."""
    layers: Any = keras.layers
    colours = {"saturation_factor": (0.375, 0.583), "hue_factor": 0.2} if shape[2] == 3 else {}
    return {
        "random_crop=2": keras.Sequential([layers.ZeroPadding2D(2), layers.RandomCrop(*shape[:2])]),
        "color_jitter=0.4": layers.RandomColorJitter((0, 255), 0.4, 0.4, **colours),
        "rand_augment=0.3": layers.RandAugment((0, 255), factor=0.3),
        "random_erasing=0.25": layers.RandomErasing((0.25, 0.25)),
        "mixup=0.2": layers.MixUp(0.2),
        "cutmix=1": layers.CutMix(1.0),
    }


def each_kind(images: np.ndarray) -> dict[str, dict[str, Callable[[], Any]]]:
    """Return, for each kind, what makes one batch of it: ours and Keras's layer."""
    batch, labels = tf.constant(images), tf.one_hot(np.arange(BATCH) % CLASSES, CLASSES)

    def compiled(function: Callable[[Any, Any], Any]) -> Callable[[], Any]:
        graph = tf.function(function)
        return lambda: [tensor.numpy() for tensor in graph(batch, labels)]

    def ours(kind: str) -> Callable[[], Any]:
        name, value = kind.split("=")
        config = AugmentationConfig(**{name: float(value), "fill_mode": "constant"})
        if not config.mixes:
            layer = Augment(config, 0)
            return compiled(lambda x, y: (layer(x, training=True),))
        mix = Mix(config, 0)

        def mixed(x: Any, y: Any) -> Any:
            plan = mix.begin(x)
            return mix(x, training=True), plan.labels(y)[0]

        return compiled(mixed)

    def theirs(layer: Any, mixes: bool) -> Callable[[], Any]:
        if not mixes:
            return compiled(lambda x, y: (layer(x, training=True),))
        return compiled(lambda x, y: tuple(layer({"images": x, "labels": y}, training=True).values()))

    kinds = by_hand(images.shape[1:])
    return {
        kind: {"ours": ours(kind), "Keras": theirs(layer, kind.startswith(("mixup", "cutmix")))}
        for kind, layer in kinds.items()
    }


def images_a_second(make: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> float:
    started, batches = clock(), 0
    while (spent := clock() - started) < SECONDS:
        make()
        batches += 1
    return batches * BATCH / spent


def measure(
    makers: dict[str, Callable[[], Any]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> list[dict[str, float]]:
    for make in makers.values():
        make()
    return [{name: images_a_second(make, clock) for name, make in makers.items()} for _ in range(rounds)]


def main(rounds: int = 7) -> None:
    print("| images | " + " | ".join(("ours", "ImageDataGenerator", "five Keras layers", "ratios")) + " |")
    print("| --- | ---: | ---: | ---: | ---: |")
    batches = {shape: np.random.default_rng(0).uniform(0, 255, (BATCH, *shape)).astype("float32") for shape in SHAPES}
    for shape, images in batches.items():
        makers = ways(images)
        speeds = measure(makers, rounds)
        cells = [f"{statistics.median(speed[name] for speed in speeds):,.0f}" for name in makers]
        ratios = [statistics.median(s["ours"] / s[name] for s in speeds) for name in list(makers)[1:]]
        print(f"| {'x'.join(map(str, shape))} | {' | '.join(cells)} | {ratios[0]:.1f}, {ratios[1]:.1f} |", flush=True)
    print("\n| images | | ours | Keras's layer | ratio |\n| --- | --- | ---: | ---: | ---: |")
    for shape, images in batches.items():
        for kind, makers in each_kind(images).items():
            speeds = measure(makers, rounds, time.process_time)
            cells = [f"{statistics.median(speed[name] for speed in speeds):,.0f}" for name in makers]
            ratio = statistics.median(speed["ours"] / speed["Keras"] for speed in speeds)
            print(f"| {'x'.join(map(str, shape))} | `{kind}` | {' | '.join(cells)} | {ratio:.1f} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
