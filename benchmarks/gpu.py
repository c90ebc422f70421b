"""What a GPU makes of small networks: images a second with each lever, and trials an hour of workers that share it.

    python -m benchmarks.gpu                                       # some twenty minutes
    python -m benchmarks.gpu --limit 400 --epochs 1 --rounds 1 --workers 1 --trials 2     # does it run?

Levers, in turn within one process: several steps before Python hears of them (`steps_per_execution`); where a batch is
gathered, by NumPy from the memory-mapped images, by TensorFlow from a tensor of the host's, or inside the graph from a
tensor on the device that trains; and XLA. Then whole sweeps of the same random configurations, with as many workers as
`--workers` says. Runs on a CPU as well.
"""

import argparse
import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from hydra import compose, initialize_config_dir

from src.config import register, settings
from src.process import quiet_native_stderr

with quiet_native_stderr():
    import keras
    import tensorflow as tf

    from src import dataset, model, training
    from src.dataset import Dataset, Split
    from src.training.batches import training_batches, training_order
    from src.training.traced import STEPS_PER_EXECUTION

ROOT = Path(__file__).parent.parent
CASES = {"cnn": ["model=cnn"], "mlp": ["model=mlp"], "resnet": ["model=resnet"]}
PLACES = {"numpy": "the map, by NumPy", "host": "a tensor on the host", "device": "a tensor on the device"}
SPACE = [
    "optimizer=adam,rmsprop,sgd",
    "optimizer.learning_rate=tag(log,interval(1e-4,1e-1))",
    "model.dropout=0,0.2,0.4",
]


class Gathered(keras.layers.Layer):
    """Takes indices, int64 [B], and gives the images, uint8 [B, H, W, C], from a tensor where the model trains."""

    def __init__(self, images: np.ndarray) -> None:
        super().__init__(trainable=False)
        self._images = tf.constant(images)

    def call(self, indices):
        return tf.gather(self._images, indices)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--limit", type=int, default=48_000, help="images of Fashion-MNIST (%(default)s)")
    parser.add_argument("--epochs", type=int, default=4, help="of a fit, after one that is not counted (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(%(default)s)")
    parser.add_argument("--models", default=",".join(CASES), help="(%(default)s)")
    parser.add_argument("--xla", default="off,on", help="(%(default)s)")
    parser.add_argument("--workers", default="1,2,4,8", help="of the sweeps (%(default)s)")
    parser.add_argument("--trials", type=int, default=32, help="of a sweep, 8 epochs each (%(default)s)")
    given = parser.parse_args()
    data_options = ["dataset=fashion_mnist", f"dataset.limit={given.limit}"]
    register()
    print("Device:", ", ".join(_name(device) for device in tf.config.list_physical_devices()), flush=True)
    if given.rounds:
        _levers(data_options, given.models.split(","), given.xla.split(","), given.epochs, given.rounds)
    if given.trials:
        _sweeps(data_options, [int(count) for count in given.workers.split(",")], given.trials)


def _name(device: "tf.config.PhysicalDevice") -> str:
    return str(tf.config.experimental.get_device_details(device).get("device_name", device.device_type))


def _levers(data_options: list[str], models: list[str], compilations: list[str], epochs: int, rounds: int) -> None:
    levers = list(itertools.product((1, STEPS_PER_EXECUTION), PLACES, compilations))
    columns = " | ".join(f"{steps} steps, images/s" for steps in (1, STEPS_PER_EXECUTION))
    print(f"\n| model | XLA | a batch from | {columns} |\n| --- | --- | --- | ---: | ---: |")
    for case in models:
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            config = settings(compose("config", [*data_options, *CASES[case]]))
        data = dataset.load(config.dataset, 0)
        speeds: dict[tuple[int, str, str], list[float]] = {lever: [] for lever in levers}
        for _ in range(rounds):
            for steps, place, xla in levers:
                training.prepare("float32", None)
                network = model.build(config.model, data.input_shape, len(data.class_names), 0, data.scale, data.offset)
                seconds = _fit(network, data, config.training.batch_size, steps, place, xla == "on", epochs)
                speeds[steps, place, xla].append(epochs * len(data.train.images) / seconds)
        for xla, place in itertools.product(compilations, PLACES):
            found = [statistics.median(speeds[steps, place, xla]) for steps in (1, STEPS_PER_EXECUTION)]
            print(f"| {case} | {xla} | {PLACES[place]} | {' | '.join(f'{n:,.0f}' for n in found)} |", flush=True)


def _fit(network: keras.Model, data: Dataset, batch_size: int, steps: int, place: str, xla: bool, epochs: int) -> float:
    """Return the seconds of so many epochs, after one in which the graph is traced."""
    train, fitted = data.train, network
    if place == "device":
        indices = keras.Input((), dtype="int64")
        fitted = keras.Model(indices, network(Gathered(train.images)(indices)))
    keras.utils.set_random_seed(0)
    fitted.compile("adam", "sparse_categorical_crossentropy", steps_per_execution=steps, jit_compile=xla)  # pyright: ignore
    batches = training_batches(train, batch_size, 0) if place == "numpy" else _batches(train, batch_size, place)
    fitted.fit(batches, verbose=0, shuffle=False)  # pyright: ignore
    started = time.perf_counter()
    fitted.fit(batches, epochs=epochs, verbose=0, shuffle=False)  # pyright: ignore
    return time.perf_counter() - started


def _batches(train: Split, batch_size: int, place: str) -> tf.data.Dataset:
    """Return batches that TensorFlow gathers: images and labels, or indices and labels."""
    with tf.device("CPU"):
        labels = tf.constant(train.labels)
        images = tf.constant(train.images) if place == "host" else None
    order = training_order(train, batch_size, 0)

    def take(number):
        chosen = tf.numpy_function(order, [number], tf.int64)
        chosen.set_shape([None])
        return chosen if images is None else tf.gather(images, chosen), tf.gather(labels, chosen)

    return tf.data.Dataset.range(-(-len(train.labels) // batch_size)).map(take).prefetch(2)


def _sweeps(data_options: list[str], workers: list[int], trials: int) -> None:
    print("\n| workers | seconds | trials an hour |\n| ---: | ---: | ---: |")
    for count in workers:
        command = [sys.executable, "-m", "src.sweep", "-m", *data_options, *SPACE, "training.epochs=8"]
        search = ["sampler=random", "pruner=none", "scheduler=none"]
        command += [f"hydra/sweeper/{part}" for part in search] + ["hydra.sweeper.seed=0"]
        command += [f"hydra.sweeper.n_trials={trials}", f"hydra.sweeper.n_jobs={count}"]
        with tempfile.TemporaryDirectory() as folder:
            command += [f"hydra.sweep.dir={folder}/study", f"tracking.uri=sqlite:///{folder}/mlflow.db"]
            started = time.perf_counter()
            subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
            seconds = time.perf_counter() - started
        print(f"| {count} | {seconds:.0f} | {trials / seconds * 3600:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
