"""What a graph that is there already saves a trial: seconds of a fit, its model traced anew and not.

    python -m benchmarks.reuse [rounds [a word of the cases that are wanted]]

Trials of three epochs that differ in their learning rate, in turn with and without what earlier trials left, in one
process with one thread an operation, as in a study's workers. Costs some four minutes.
"""

import statistics
import sys
import time
from pathlib import Path

from hydra import compose, initialize_config_dir

from src.config import Config, make_optimizer, register, settings
from src.process import quiet_native_stderr

with quiet_native_stderr():
    import keras

    from src import dataset, model, training
    from src.training import traced

ROOT = Path(__file__).parent.parent
OWN = ["model=custom", "model.build=benchmarks.reuse.own_network", "model.units=128"]
START = ["dataset=digits", "dataset.limit=60", "training.epochs=1"]
CASES = {
    "digits, cnn": ["dataset=digits", "model=cnn"],
    "2,000 of Fashion-MNIST, cnn": ["dataset=fashion_mnist", "dataset.limit=2000", "model=cnn"],
    "2,000 of Fashion-MNIST, vgg": ["dataset=fashion_mnist", "dataset.limit=2000", "model=vgg"],
    "2,000 of Fashion-MNIST, resnet": ["dataset=fashion_mnist", "dataset.limit=2000", "model=resnet"],
    "digits, a network of one's own": [*OWN, "dataset=digits"],
    "the start alone: one epoch of 60 digits, cnn": [*START, "model=cnn"],
    "the start alone: one epoch of 60 digits, a network of one's own": [*START, *OWN],
}


def own_network(input_shape: tuple[int, ...], classes: int, units: int) -> keras.Model:
    """Build the network of docs/own-model.md, which differs in its learning rate alone."""
    layers = [keras.layers.Flatten(), keras.layers.Dense(units, "relu"), keras.layers.Dropout(0.25)]
    return keras.Sequential([keras.Input(input_shape), *layers, keras.layers.Dense(classes, "softmax")])


def fit(config: Config, seed: int) -> float:
    """Return the seconds from a trial's clean slate to the end of its training."""
    started = time.perf_counter()
    training.prepare("float32", 1)
    data = dataset.load(config.dataset, 0)
    network = model.build(config.model, data.input_shape, len(data.class_names), seed, data.scale, data.offset)
    optimizer = make_optimizer(config.optimizer)
    ask = lambda *_: training.Verdict.GO_ON  # noqa: E731
    training.fit(network, optimizer, data, config.training, config.schedule, "val_accuracy", seed, ask)
    return time.perf_counter() - started


def main(rounds: int = 5, word: str = "") -> None:
    register()
    print("| three epochs of | traced anew, s | traced before, s | ratio |\n| --- | ---: | ---: | ---: |")
    for case, overrides in CASES.items():
        if word not in case:
            continue
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            config = settings(compose("config", ["training.epochs=3", *overrides]))
        fit(config, 0)  # what TensorFlow does once a process, and the first graph
        anew, before = [], []
        for seed in range(rounds):
            kept = dict(traced._kept)
            traced._kept.clear()
            anew.append(fit(config, seed))
            traced._kept.update(kept)
            before.append(fit(config, seed))
        one, other = statistics.median(anew), statistics.median(before)
        print(f"| {case} | {one:.2f} | {other:.2f} | {one / other:.1f} |", flush=True)


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else 5, *given[1:2])
