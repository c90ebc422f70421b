"""What each architecture costs at its defaults: parameters, and processor seconds to build, to trace and to train.

    python -m benchmarks.models [steps]

One process, one thread an operation as in a study's workers, float32, batches of 128 random images; all times are of
the processor, so that other work on the machine counts little. An epoch of 8,000 images is 62.5 times the mean of
`steps` steps (16 by default) after the first, without validation. Costs about two minutes.
"""

import sys
import time
from pathlib import Path

import numpy as np
from hydra import compose, initialize_config_dir

from src.config import register, settings
from src.config.model import ARCHITECTURES, ModelConfig
from src.model import build
from src.process import quiet_native_stderr

with quiet_native_stderr():
    import keras

    from src.training import prepare

ROOT = Path(__file__).parent.parent
BATCH, EPOCH, CLASSES = 128, 8_000, 10
SIZES = (28, 8)


def cost(config: ModelConfig, size: int, steps: int) -> tuple[int, float, float, float]:
    """Return parameters, and the processor seconds of building, of the first step and of an epoch."""
    prepare("float32", 1)
    images = np.random.default_rng(0).integers(0, 256, (BATCH, size, size, 1)).astype("uint8")
    labels = np.arange(BATCH) % CLASSES
    times = [time.process_time()]
    model = build(config, (size, size, 1), CLASSES, seed=0, scale=[1 / 255])
    times.append(time.process_time())
    model.compile(keras.optimizers.Adam(), "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)  # pyright: ignore[reportArgumentType]
    model.train_on_batch(images, labels)
    times.append(time.process_time())
    for _ in range(steps):
        model.train_on_batch(images, labels)
    times.append(time.process_time())
    building, first, training = np.diff(times).tolist()
    return model.count_params(), building, first, training / steps * EPOCH / BATCH


def main(steps: int = 16) -> None:
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        names = [schema.__name__.lower() for schema in ARCHITECTURES]
        configs = {name: settings(compose("config", [f"model={name}"])).model for name in names}
    cost(configs["mlp"], 8, 1)  # what TensorFlow does once a process
    print("| images | model | parameters | build | first step | epoch of 8,000 |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for size in SIZES:
        for name, config in configs.items():
            parameters, *seconds = cost(config, size, steps)
            shown = " | ".join(f"{value:.2f}" for value in seconds)
            print(f"| {size}x{size}x1 | {name} | {parameters:,} | {shown} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
