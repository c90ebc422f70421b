"""KerasTuner's first tutorial and docs/own-model.md: the same five trials by either, in turn, in seconds.

    python -m benchmarks.tutorial [rounds]

Two epochs each on 12,000 images of Fashion-MNIST, 2,000 of them to validate: the time from the command to its end,
with the start of Python and the import of TensorFlow. KerasTuner trains one trial after another in its one process, and
keeps each one's weights; convsweep records each trial in MLflow and keeps the best one's model. Lays
`build/keras-tuner`, the tuner alone, beside the packages that are there.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
TUNER = ROOT / "build/keras-tuner"
PACKAGES = ["keras-tuner==1.4.8", "kt-legacy==1.0.5", "tensorboard==2.20.0"]
UNITS, EPOCHS, BATCH = (32, 96, 192, 320, 512), 2, 32

NETWORK = """
import keras
from keras import layers


def build_model(input_shape, classes, units=32):
    model = keras.Sequential()
    model.add(keras.Input(input_shape))
    model.add(layers.Flatten())
    model.add(layers.Dense(units=units, activation="relu"))
    model.add(layers.Dropout(rate=0.25))
    model.add(layers.Dense(classes, activation="softmax"))
    return model
"""
SEARCH = f"""
import keras
import keras_tuner
import numpy as np

from my_nets import build_model

with np.load("images.npz") as arrays:
    x, y, x_val, y_val = (arrays[name] for name in ("x_train", "y_train", "x_val", "y_val"))
scaled = [part.astype("float32") / 255 for part in (x, x_val)]


def build(hp):
    model = build_model((28, 28, 1), 10, hp.Choice("units", {list(UNITS)}))
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


tuner = keras_tuner.GridSearch(build, "val_accuracy", {len(UNITS)}, directory="my_dir", project_name="helloworld")
tuner.search(scaled[0], y, epochs={EPOCHS}, batch_size={BATCH}, validation_data=(scaled[1], y_val), verbose=0)
print(tuner.oracle.get_best_trials(1)[0].score)
"""
SWEEP = [
    "-m", "src.sweep", "-m", "model=custom", "model.build=my_nets.build_model",
    f"model.units={','.join(map(str, UNITS))}", "dataset=arrays", "dataset.path=images.npz",
    "optimizer.learning_rate=1e-3", f"training.epochs={EPOCHS}", f"training.batch_size={BATCH}",
    "hydra/sweeper/scheduler=none",
]  # fmt: skip
WAYS = {
    "KerasTuner": ["search.py"],
    "convsweep, one worker": [*SWEEP, "hydra.sweeper.n_jobs=1"],
    "convsweep, two workers": [*SWEEP, "hydra.sweeper.n_jobs=2"],
}


def write_images(file: Path) -> None:
    """Write the images that either way trains on, once decoded."""
    import numpy as np

    from src.config.dataset import DatasetConfig
    from src.dataset import load

    data = load(DatasetConfig("fashion_mnist", limit=12_000, validation_fraction=1 / 6), 0)
    (x, y), (x_val, y_val) = data.train, data.validation
    np.savez(file, x_train=x, y_train=y, x_val=x_val, y_val=y_val)


def measure(arguments: list[str], images: Path) -> float:
    """Return the seconds of a command in a folder of its own."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "my_nets.py").write_text(NETWORK)
        (folder / "search.py").write_text(SEARCH)
        (folder / "images.npz").symlink_to(images)
        paths = os.pathsep.join([str(ROOT), str(TUNER)])
        environment = {**os.environ, "PYTHONPATH": paths, "TF_CPP_MIN_LOG_LEVEL": "3"}
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - started
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return seconds


def main(rounds: int = 3) -> None:
    if not TUNER.exists():
        lay = [ROOT / ".venv/bin/uv", "pip", "install", "--quiet", "--no-deps", "--compile-bytecode", "--target", TUNER]
        subprocess.run([*lay, *PACKAGES], check=True)
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as place:
        images = Path(place) / "images.npz"
        write_images(images)
        for _ in range(rounds):
            for way, arguments in WAYS.items():
                taken[way].append(measure(arguments, images))
                print(f"{way}: {taken[way][-1]:.1f} s", file=sys.stderr, flush=True)
    print("| five trials of two epochs by | seconds, median | of all rounds |\n| --- | ---: | --- |")
    for way, seconds in taken.items():
        print(f"| {way} | {statistics.median(seconds):.1f} | {', '.join(f'{one:.1f}' for one in sorted(seconds))} |")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
