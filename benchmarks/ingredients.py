"""What each ingredient of a training run does for accuracy: one change each to one setting, the same seeds.

    python -m benchmarks.ingredients RESULTS.csv [KEY=VALUE ...]

Trains on a part of Fashion-MNIST and judges on 4,000 other training images; or trains on a folder of images and judges
on its validation part. Test images play no part. A setting with a seed is a line of the file, written as soon as it is
known: a command that was broken off goes on where it stopped, and one that has all its lines only prints the table.
Each line also has the processor seconds of its fit, and the accuracy with `evaluation.tta`.

    epochs=10        of each run, e.g. 10,30 for one table after the other
    seeds=1          how many                 images=6000    of Fashion-MNIST, trained on
    only=...         names of settings, by commas; all by default
    data=...         fashion_mnist or a folder: python -m benchmarks.things things; data=things
    size=48          of the folder's images
"""

import csv
import os
import statistics
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from hydra import compose, initialize_config_dir

from src.config import make_optimizer, register, settings
from src.process import quiet_native_stderr

with quiet_native_stderr():
    from src import model, training
    from src.dataset import load
    from src.evaluation import evaluate

ROOT = Path(__file__).parent.parent
VALIDATION = 4000
PLAIN = ["schedule=cosine", "optimizer=adamw", "optimizer.learning_rate=0.002"]
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
    "use_ema": ["optimizer.use_ema=true"],
    "muon": ["optimizer=muon", "optimizer.learning_rate=0.002"],
    "schedulefreeadamw": ["optimizer=schedulefreeadamw", "optimizer.learning_rate=0.0025", "schedule=constant"],
    "strong": ["augmentation=strong"],
    "flip, crop, rand_augment": [
        "augmentation.alternating_flip=true",
        "augmentation.random_crop=0.07",
        "augmentation.rand_augment=0.3",
        "augmentation.fill_mode=reflect",
    ],
    "strong + cutmix=1": ["augmentation=strong", "augmentation.cutmix=1"],
    "airbench": AIRBENCH,
    "airbench by adamw": [*AIRBENCH[:1], *AIRBENCH[-2:], "schedule=one_cycle", "optimizer.learning_rate=0.007"],
    "airbench + resizing": [*AIRBENCH, "training.progressive_resizing=[{start},{size}]"],
}
AGAINST = {"airbench + resizing": "airbench"}  # the others against the plain one
LAST = "steps_left"  # falls with every epoch: the last one is the best by it
START = 0.57  # of the size, in the first epoch
FIELDS = ["data", "setting", "epochs", "images", "seed"]
FIELDS += ["val_accuracy", "tta_accuracy", "log_loss", "processor_seconds"]


@dataclass(frozen=True)
class Data:
    """What is trained on: `images` of Fashion-MNIST, or a folder's, of `size` pixels a side."""

    name: str
    images: int
    size: int

    @property
    def overrides(self) -> list[str]:
        if self.is_folder:
            return ["dataset=image_folder", f"dataset.path={self.name}", f"dataset.image_size={self.size}"]
        total = self.images + VALIDATION
        parts = f"dataset.validation_fraction={VALIDATION / total:.9f}"
        return ["dataset=fashion_mnist", f"dataset.limit={total}", parts]

    @property
    def is_folder(self) -> bool:
        return self.name != "fashion_mnist"

    def key(self, setting: str, epochs: int, seed: int) -> tuple[str, ...]:
        """Return the first columns of a line."""
        return Path(self.name).name, setting, str(epochs), str("" if self.is_folder else self.images), str(seed)


class Result(NamedTuple):
    """What a run came to; None where nobody measured it."""

    accuracy: float
    tta: float | None
    loss: float | None
    seconds: float


def run(setting: str, data: Data, epochs: int, seed: int) -> Result:
    """Train once; return what the last epoch's network came to, and processor seconds of the fit."""
    overrides = [text.format(start=round(START * data.size), size=data.size) for text in SETTINGS[setting]]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = settings(compose("config", [*PLAIN, f"training.epochs={epochs}", *data.overrides, *overrides]))
    training.prepare("float32", 1)
    images = load(config.dataset, 0)
    network = model.build(config.model, images.input_shape, len(images.class_names), seed, images.scale, images.offset)
    started = time.process_time()
    training.fit(
        network, make_optimizer(config.optimizer), images, config.training, config.schedule, LAST, seed,
        lambda *_: training.Verdict.GO_ON, None, config.augmentation, lambda _, epoch: {LAST: -float(epoch)},
    )  # fmt: skip
    seconds = time.process_time() - started
    judged = evaluate(network, images.validation)
    return Result(judged.accuracy, evaluate(network, images.validation, True).accuracy, judged.log_loss, seconds)


Results = dict[tuple[str, ...], Result]


def read(path: Path) -> Results:
    if not path.exists():
        return {}
    found: Results = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            *key, accuracy, tta, loss, seconds = (row[name] for name in FIELDS)
            by_flips, of_answers = (float(value) if value else None for value in (tta, loss))
            found[tuple(key)] = Result(float(accuracy), by_flips, of_answers, float(seconds))
    return found


def write(path: Path, results: Results) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("w", newline="") as out:
        rows = [
            [*key, *("" if value is None else round(value, 5) for value in found)] for key, found in results.items()
        ]
        csv.writer(out, lineterminator="\n").writerows([FIELDS, *rows])
    os.replace(partial, path)


def spread(values: list[float]) -> str:
    """Show points: their mean and, of several, the standard deviation."""
    mean = f"{100 * statistics.mean(values):+.1f}"
    return f"{mean} ± {100 * statistics.stdev(values):.1f}" if len(values) > 1 else mean


def table(names: Iterable[str], data: Data, epochs: int, seeds: int, known: Results) -> str:
    lines = ["| | val_accuracy | points | points by tta | log loss | processor seconds |"]
    lines += ["| --- | ---: | ---: | ---: | ---: | ---: |"]
    for name in names:
        mine = {seed: known.get(data.key(name, epochs, seed)) for seed in range(seeds)}
        found = {seed: values for seed, values in mine.items() if values is not None}
        if not found:
            continue
        others = {seed: known.get(data.key(AGAINST.get(name, "plain"), epochs, seed)) for seed in found}
        gains = [
            values.accuracy - other.accuracy for seed, values in found.items() if (other := others[seed]) is not None
        ]
        flips = [values.tta - values.accuracy for values in found.values() if values.tta is not None]
        losses = [values.loss for values in found.values() if values.loss is not None]
        cells = [f"`{name}`", f"{statistics.mean(values.accuracy for values in found.values()):.4f}"]
        cells += ["" if name == "plain" or not gains else spread(gains), spread(flips) if flips else ""]
        cells += [f"{statistics.mean(losses):.3f}" if losses else ""]
        cells.append(f"{statistics.mean(values.seconds for values in found.values()):.0f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main(file: str, *options: str) -> None:
    register()
    given = dict(option.split("=", 1) for option in options)
    name = given.get("data", "fashion_mnist")
    size = int(given.get("size", 28 if name == "fashion_mnist" else 48))
    data = Data(name, int(given.get("images", 6000)), size)
    names = given["only"].split(",") if "only" in given else list(SETTINGS)
    path, seeds = Path(file), int(given.get("seeds", 1))
    for epochs in map(int, given.get("epochs", "10").split(",")):
        for setting in names:
            for seed in range(seeds):
                if (key := data.key(setting, epochs, seed)) not in read(path):
                    found = run(setting, data, epochs, seed)
                    write(path, {**read(path), key: found})
        print(f"\n{data.name}, {epochs} epochs\n\n{table(names, data, epochs, seeds, read(path))}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
