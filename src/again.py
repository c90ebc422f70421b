"""A recorded training, done once more: the steps of a trial without a record."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from src import dataset, training
from src.augmentation import rescaled
from src.config import Config
from src.finalizing.winner import ON, Plan, load_data
from src.finalizing.winner import train as train_final
from src.fold import measure_of, train
from src.model.own_code import load_model
from src.recording.environment import environment
from src.recording.folds import Folds
from src.recording.trial_record import weights_digest


@dataclass(frozen=True)
class Again:
    """What a repetition came to.

    Attributes:
        epochs: Metrics after each epoch, of each fold.
        weights: A digest of the last fold's weights.
        images: Those that the accuracy is of: the validation images of all folds, else all that it was trained on.
        environment: What it stood on.
    """

    epochs: list[list[dict[str, float]]]
    weights: str
    images: int
    environment: dict[str, Any]


def train_again(
    config: Config, seed: int, threads: int | None, known: Sequence[Mapping[str, Mapping[int, float]]]
) -> Again:
    """Train as a run was trained, each fold for as many epochs as are known of it; print its epochs.

    Args:
        config: Of the run.
        seed: Of its training.
        threads: That one operation may use.
        known: Values by metric and epoch, of each fold.

    Raises:
        DatasetError: The images cannot be had.
    """
    folds, stood = Folds(config.dataset.splits, None), {}
    epochs, weights, images = [], "", 0
    for number, then in enumerate(known, 1):
        training.prepare(config.training.precision, threads)
        data = rescaled(dataset.load(config.dataset, config.seed, number=number), config.augmentation.rescale)
        own_seed, most = folds.seed(seed, number), max(then["loss"])
        course = training.course(config, data, own_seed)

        def after_epoch(
            epoch: int, metrics: dict[str, float], last: bool, most: int = most, before=then["val_accuracy"]
        ) -> training.Verdict:
            shown = f"val_accuracy {metrics['val_accuracy']:.4f}, then {before.get(epoch, float('nan')):.4f}"
            print(f"epoch {epoch}/{most}: {shown}", flush=True)
            return training.Verdict.STOP if epoch >= most else training.Verdict.GO_ON

        course, history = train(config, course, own_seed, after_epoch)
        stood = stood or environment(config, data, own_seed, threads)  # now that files of one's own are imported
        epochs.append(history.epochs)
        weights, images = weights_digest(course.network), images + len(data.validation.images)
    return Again(epochs, weights, images, stood)


def train_final_again(config: Config, seed: int, threads: int | None, epochs: int) -> Again:
    """Train a final model again that was trained on the validation images as well, as `src.finalize` does.

    Raises:
        DatasetError: The images cannot be had.
    """
    config.training = replace(config.training, threads=threads)
    training.prepare(config.training.precision, threads)
    data = load_data(config)
    with tempfile.TemporaryDirectory(prefix="convsweep-") as place:
        plan = Plan(config, ON[1], epochs, seed, Path(place))
        train_final(plan, data, partial(measure_of, config))
        network: Any = load_model(plan.file)
        history = plan.results["history"]
    images = len(data.train.images) + len(data.validation.images)
    return Again([history], weights_digest(network), images, environment(config, data, seed, threads))
