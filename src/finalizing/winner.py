"""Training the model that is to be used, and judging it; what it comes to is kept in a folder of its own.

Whatever is there is not made again: the same command goes on after a kill, and the test images are asked once.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from src import dataset, training
from src.augmentation import rescaled
from src.config import Config, make_optimizer
from src.config.objective import leading_metric
from src.config.pretrained import Pretrained
from src.config.training import total_epochs
from src.dataset import Dataset, Split
from src.evaluation import Evaluation, both_ways, evaluate, measure_robustness
from src.model import own_kept
from src.model.own_kept import Code
from src.model.pretrained import as_backbones_see
from src.recording import CHECKPOINT
from src.recording.environment import FILE as ENVIRONMENT
from src.recording.environment import environment

ON = ("train", "train+validation")
LEFT = "steps_left"  # falls with every epoch: the last one is the best by it
SHOWN = ("loss", "accuracy", "val_loss", "val_accuracy")


@dataclass(frozen=True)
class Plan:
    """What is to be trained.

    Attributes:
        config: Of the trial that was chosen.
        on: One of `ON`.
        epochs: How many, where no image is left to say which epoch is the best.
        seed: Of the training.
        folder: Where the model and what it came to are kept.
    """

    config: Config
    on: str
    epochs: int
    seed: int
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "model.keras"

    @property
    def results(self) -> dict[str, Any]:
        """What the training took, and its history."""
        return json.loads((self.folder / "results.json").read_text())

    def stood(self, data: Dataset) -> dict[str, Any]:
        """Return what the training stood on, noted when first asked: a later command may run on other things."""
        file = self.folder / ENVIRONMENT
        if not file.exists():
            stood = environment(self.config, data, self.seed, self.config.training.threads) | {"on": self.on}
            write(file, json.dumps(stood, indent=2))
        return json.loads(file.read_text())

    @property
    def is_trained(self) -> bool:
        return self.file.exists() and (self.folder / "results.json").exists()


def load_data(config: Config) -> Dataset:
    data = rescaled(dataset.load(config.dataset, config.seed), config.augmentation.rescale)
    return as_backbones_see(data) if isinstance(config.model, Pretrained) else data


def joined(data: Dataset) -> Dataset:
    """Return a dataset whose training images are the validation images as well."""
    parts = (data.train, data.validation)
    # Digests are those of other parts.
    return replace(data, train=Split(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True))), digests={})


def train(plan: Plan, data: Dataset, measure: Callable[[Dataset], training.Measure | None]) -> None:
    """Train the model, from its checkpoint if there is one, and keep it with what it took.

    Args:
        plan: What is to be trained.
        data: The images.
        measure: Returns what measures, on such data, an objective that Keras does not know.

    On all images none is left to say which epoch is the best: it is trained for `plan.epochs`, and the last one counts.

    Raises:
        Diverged: The loss became NaN or infinite.
        NotKept: A network of one's own cannot be saved or read back, or its code cannot be read. The checkpoint stays.
    """
    config, whole = plan.config, plan.on == ON[1]
    plan.folder.mkdir(parents=True, exist_ok=True)
    checkpoint = training.Checkpoint(plan.folder / CHECKPOINT)
    if whole:
        config = _shortened(config, plan.epochs)
    settings = config.training
    epochs = total_epochs(settings.epochs, settings.fine_tune_epochs)

    def follow(epoch: int, metrics: dict[str, float], last: bool) -> training.Verdict:
        shown = [f"{name} {value:.4f}" for name, value in metrics.items() if name in SHOWN and _is_told(name, whole)]
        print(f"epoch {epoch}/{epochs}: {' '.join(shown)}, {metrics['epoch_seconds']:.1f} s", flush=True)
        return training.Verdict.GO_ON

    def count_down(_: keras.Model, epoch: int) -> dict[str, float]:
        return {LEFT: -float(epoch)}

    course = training.course(config, joined(data) if whole else data, plan.seed)
    course, history = training.fit_course(
        course, partial(make_optimizer, config.optimizer), config,
        LEFT if whole else leading_metric(config.objective), plan.seed, follow, checkpoint,
        (lambda _: count_down) if whole else measure,
    )  # fmt: skip
    results = {
        "history": [
            {name: value for name, value in metrics.items() if _is_told(name, whole)} for metrics in history.epochs
        ],
        "best_epoch": history.best_epoch,
        "fit_seconds": history.fit_seconds,
        "parameters": course.parameters,
    }
    whole = both_ways(course.whole()) if config.evaluation.tta else course.whole()
    code = own_kept.code_of(config.model, whole)
    with own_kept.known(code, whole):
        network = training.finished(whole, make_optimizer(config.optimizer), data, config.training)
        own_kept.check_copy(code, whole, network)
    keep(plan, network, results, code)
    checkpoint.remove()


def keep(plan: Plan, network: keras.Model, results: dict[str, Any], code: Code | None = None) -> None:
    """Write a model, with the code of one's own, and what it took to its folder, the model first.

    Raises:
        NotKept: A network of one's own cannot be saved, or read back.
    """
    plan.folder.mkdir(parents=True, exist_ok=True)
    partial = plan.folder / ".model.keras"
    own_kept.save(network, partial, code)
    os.replace(partial, plan.file)
    write(plan.folder / "results.json", json.dumps(results, indent=2))


def _is_told(name: str, whole: bool) -> bool:
    """Whether a metric says something: of images that are trained on as well, their validation does not."""
    return name != LEFT and not (whole and name.startswith("val_"))


def _shortened(config: Config, epochs: int) -> Config:
    """Return a config that trains for so many epochs, all that there are, in the phases that they reach into."""
    given = config.training
    first = min(epochs, given.epochs)
    settings = replace(given, epochs=first, fine_tune_epochs=epochs - first, early_stopping=None)
    chosen = config.model
    if isinstance(chosen, Pretrained) and given.fine_tune_epochs and epochs == first:
        chosen = replace(chosen, trainable="head")  # as in the first phase, which was enough
    return replace(config, training=settings, model=chosen)


def judge(plan: Plan, network: keras.Model, split: Split, part: str) -> Evaluation:
    """Return what the model says of a split's images, which are asked only if nobody has kept it."""
    file = plan.folder / f"{part}.npz"
    if file.exists():
        with np.load(file) as kept:
            return Evaluation(kept["probabilities"], kept["true"])
    judged = evaluate(network, split)
    partial = plan.folder / f".{part}.npz"
    np.savez_compressed(partial, probabilities=judged.probabilities, true=judged.true)
    os.replace(partial, file)
    return judged


def robustness(plan: Plan, network: keras.Model, split: Split) -> dict[str, Any]:
    """Return the accuracy on altered copies of a split's images, by kind; measured once."""
    file = plan.folder / "robustness.json"
    if not file.exists():
        robust = measure_robustness(network, split, plan.config.seed)
        found = {"robust_accuracy": robust.robust_accuracy, "images": robust.images, **robust.accuracies}
        write(file, json.dumps({name: float(value) for name, value in found.items()}, indent=2))
    return json.loads(file.read_text())


def write(file: Path, text: str) -> None:
    """Write a file in one step."""
    partial = file.with_name(f".{file.name}")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, file)
