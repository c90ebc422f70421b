"""What each ingredient of a training run does for accuracy: one change each to one setting, the same seeds.

    python -m benchmarks.ingredients RESULTS.csv [KEY=VALUE ...]

Trains on a part of Fashion-MNIST and judges on 4,000 other training images; test images play no part. A setting with a
seed is a line of the file, written as soon as it is known: a command that was broken off goes on where it stopped, and
one that has all its lines only prints the table. Each line also has the processor seconds of its fit.

    epochs=10        of each run              images=6000    trained on
    seeds=1          how many                 only=...       names of settings, by commas; all by default
"""

import csv
import statistics
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from hydra import compose, initialize_config_dir

from src.config import make_optimizer, register, settings
from src.process import quiet_native_stderr

with quiet_native_stderr():
    from src import model, training
    from src.dataset import load

ROOT = Path(__file__).parent.parent
VALIDATION = 4000
PLAIN = ["dataset=fashion_mnist", "schedule=cosine", "optimizer=adamw", "optimizer.learning_rate=0.002"]
AIRBENCH = ["model=airbench", "schedule=triangle", "optimizer=sgd", "optimizer.learning_rate=0.6"]
AIRBENCH += ["optimizer.momentum=0.85", "dataset.labels=onehot", "training.label_smoothing=0.1"]
SETTINGS: dict[str, list[str]] = {
    "plain": [],
    "horizontal_flip": ["augmentation.horizontal_flip=true"],
    "alternating_flip": ["augmentation.alternating_flip=true"],
    "random_crop=2": ["augmentation.random_crop=2"],
    "color_jitter=0.2": ["augmentation.color_jitter=0.2"],
    "rand_augment=0.3": ["augmentation.rand_augment=0.3"],
    "random_erasing=0.25": ["augmentation.random_erasing=0.25"],
    "mixup=0.2": ["augmentation.mixup=0.2"],
    "cutmix=1": ["augmentation.cutmix=1"],
    "strong": ["augmentation=strong"],
    "strong, cutmix=1": ["augmentation=strong", "augmentation.cutmix=1"],
    "use_ema": ["optimizer.use_ema=true"],
    "muon": ["optimizer=muon"],
    "schedulefreeadamw": ["optimizer=schedulefreeadamw", "schedule=constant"],
    "airbench": AIRBENCH,
    "airbench, 16 to 28 pixels": [*AIRBENCH, "training.progressive_resizing=[16,28]"],
}
FIELDS = ["setting", "epochs", "images", "seed", "val_accuracy", "val_loss", "processor_seconds"]


def run(overrides: list[str], epochs: int, images: int, seed: int) -> tuple[float, float, float]:
    """Train once; return the last epoch's accuracy and loss on validation images, and processor seconds of the fit."""
    total = images + VALIDATION
    sizes = [f"dataset.limit={total}", f"dataset.validation_fraction={VALIDATION / total:.9f}"]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = settings(compose("config", [*PLAIN, f"training.epochs={epochs}", *sizes, *overrides]))
    training.prepare("float32", 1)
    data = load(config.dataset, 0)
    network = model.build(config.model, data.input_shape, len(data.class_names), seed, data.scale, data.offset)
    started = time.process_time()
    history = training.fit(
        network, make_optimizer(config.optimizer), data, config.training, config.schedule, "val_accuracy", seed,
        lambda *_: training.Verdict.GO_ON, None, config.augmentation,
    )  # fmt: skip
    last = history.epochs[-1]
    return last["val_accuracy"], last["val_loss"], time.process_time() - started


def read(path: Path) -> dict[tuple[str, int, int, int], tuple[float, float, float]]:
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        (row["setting"], int(row["epochs"]), int(row["images"]), int(row["seed"])): (
            float(row["val_accuracy"]), float(row["val_loss"]), float(row["processor_seconds"]),
        )
        for row in rows
    }  # fmt: skip


def table(names: Iterable[str], epochs: int, images: int, seeds: int, path: Path) -> str:
    known = read(path)
    lines = ["| | val_accuracy | against plain | val_loss | processor seconds |", "| --- | ---: | ---: | ---: | ---: |"]
    for name in names:
        found = [known[key] for seed in range(seeds) if (key := (name, epochs, images, seed)) in known]
        plain = [known.get(("plain", epochs, images, seed)) for seed in range(seeds)]
        gains = [mine[0] - other[0] for mine, other in zip(found, plain, strict=False) if other is not None]
        if found:
            accuracy, loss, seconds = (statistics.mean(column) for column in zip(*found, strict=True))
            gain = f"{100 * statistics.mean(gains):+.1f}" if gains else ""
            lines.append(f"| `{name}` | {accuracy:.4f} | {gain} | {loss:.3f} | {seconds:.0f} |")
    return "\n".join(lines)


def main(file: str, *options: str) -> None:
    register()
    given = dict(option.split("=", 1) for option in options)
    epochs, images, seeds = (
        int(given.get(key, value)) for key, value in (("epochs", 10), ("images", 6000), ("seeds", 1))
    )
    names = given["only"].split(",") if "only" in given else list(SETTINGS)
    path = Path(file)
    known = read(path)
    for seed in range(seeds):
        for name in names:
            if (name, epochs, images, seed) in known:
                continue
            result = run(SETTINGS[name], epochs, images, seed)
            new = not path.exists()
            with path.open("a", newline="") as out:
                writer = csv.writer(out)
                writer.writerows(
                    [FIELDS] * new + [[name, epochs, images, seed, *(round(value, 5) for value in result)]]
                )
    print(table(names, epochs, images, seeds, path))


if __name__ == "__main__":
    main(*sys.argv[1:])
