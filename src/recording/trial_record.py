"""What MLflow gets to see of a trial: which run it is, and what is logged at its end."""

import hashlib
import json
import shlex
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from src.augmentation import mixed_samples, samples
from src.config import Config, as_yaml
from src.config.objective import MODEL_METRICS, leading_metric, objectives
from src.dataset import Dataset
from src.evaluation import Evaluation, Robustness, normalize_rows
from src.process import program
from src.recording.environment import FILE as ENVIRONMENT
from src.recording.environment import digest_of
from src.recording.folds import Folds
from src.recording.study_tracking import OUTBOX, where_to_look
from src.report import (
    altered_copies,
    augmentation_grid,
    classification_report,
    confusion_matrix,
    learning_curves,
    mistakes,
    predictions_table,
    reliability_diagram,
    summary,
    thumbnails,
)
from src.tracking import Address, TrialRun, courier, find_problem, is_served, may_not_write, page

if TYPE_CHECKING:
    import keras

    from convsweep import TrialHandle

SAMPLES = 6, 8  # images in the picture of the augmentation, and variants of each
SAMPLE_PIXELS = 96  # a side, at most
WEIGHTS = "convsweep.weights"  # a tag
WORST = 24  # mistakes in the gallery


def start_record(config: Config, trial: "TrialHandle | None") -> TrialRun:
    """Start the trial's record, or that of a single run.

    On the driver's machine the driver brings it to MLflow, which is not even imported here; elsewhere we do.
    """
    tracking = config.tracking
    address = Address.of(tracking.experiment, tracking.uri)
    if trial is None:
        if problem := find_problem(address) or may_not_write(address):
            sys.exit(f"error: {problem}")
        post, outbox = courier(tracking.experiment, tracking.uri, tracking.patience), single_outbox()
        post.adopt(outbox)  # what an earlier run left
        record = TrialRun(post, outbox, _name(config), _compared(config) | _flat(asdict(config)))
    else:
        outbox = trial.directory.parent / OUTBOX
        to = address if is_served(outbox) else courier(tracking.experiment, tracking.uri, tracking.patience)
        record = TrialRun(
            to, outbox, f"trial-{trial.number:04d}", _compared(config) | dict(trial.params), trial.study_name,
            trial.number, driver=trial.driver,
        )  # fmt: skip
    record.log_text(as_yaml(config), "config.yaml")
    return record


def say_where(config: Config, record: TrialRun, kept: bool) -> None:
    """Print how to ask the model of a single run, if it is kept, and where the record is."""
    address = Address.of(config.tracking.experiment, config.tracking.uri)
    if record.run_id is not None:
        if kept:
            store = "" if config.tracking.uri is None else f" --uri {shlex.quote(config.tracking.uri)}"
            print(f"ask      {program('predict')} {record.run_id} IMAGES{store}", flush=True)
        print(f"review   {where_to_look(config, page(address, run_id=record.run_id))}", flush=True)


def single_outbox() -> Path:
    """Return where the records of single runs wait."""
    return Path("outputs", OUTBOX).absolute()


def _compared(config: Config) -> dict[str, Any]:
    """Return what a reader compares all runs by."""
    return {
        "dataset": config.dataset.name,
        "model": config.model.name,
        "optimizer": config.optimizer["_target_"].rpartition(".")[2].lower(),
        "epochs": config.training.epochs,
        "batch_size": config.training.batch_size,
    }


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings by their full keys, but for those of the tracking itself."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if key == "tracking" and not prefix:
            continue
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def _name(config: Config) -> str:
    """Name a single run so that it can be told from others."""
    compared, path = _compared(config), getattr(config.dataset, "path", None)
    folder = f"-{Path(path).expanduser().resolve().name}" if path else ""
    return f"{compared['dataset']}{folder}-{compared['model']}-{compared['optimizer']}-{time.strftime('%m%d-%H%M%S')}"


def record_network(record: TrialRun, network: "keras.Model", parameters: int) -> None:
    """Log the layers, before an optimizer counts its own variables among them; some may see a backbone's features."""
    lines: list[str] = []
    if (before := parameters - network.count_params()) > 0:
        lines.append(f"On the features that a backbone of {before:,} parameters has made of the images:")
    network.summary(print_fn=lines.append)
    record.log_text("\n".join(lines), "model_summary.txt")


def record_environment(config: Config, record: TrialRun, data: Dataset, stood: dict[str, Any]) -> None:
    """Log what the training stands on, as `environment` says it, and its data as MLflow's input of the run."""
    record.log_text(json.dumps(stood, indent=2), ENVIRONMENT)
    if commit := stood["code"].get("commit"):
        record.log_tags({"mlflow.source.git.commit": commit})
    if data.digests:
        source = getattr(config.dataset, "path", None) or getattr(config.dataset, "load", None) or config.dataset.name
        profile = {f"{part}_images": known["images"] for part, known in stood["data"].items()}
        profile |= {"classes": len(data.class_names), "image": list(data.input_shape)}
        record.log_input(data.name, digest_of(data), str(source), profile)


def record_weights(record: TrialRun, network: "keras.Model") -> None:
    """Log a digest of the best epoch's weights, by which a repetition is told to be equal to the bit."""
    record.log_tags({WEIGHTS: weights_digest(network)})


def weights_digest(network: "keras.Model") -> str:
    """Name a network's weights by their content."""
    digest = hashlib.blake2b(digest_size=8)
    for array in network.get_weights():
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def record_augmentation(config: Config, record: TrialRun, data: Dataset, seed: int) -> None:
    """Log a picture of what is done to the training images, if anything is."""
    if not config.augmentation.on:
        return
    rows, columns = SAMPLES
    images, labels = np.array(data.train.images[:rows]), data.train.labels[:rows]
    classes = [int(np.argmax(label)) if label.ndim else int(label) for label in labels]
    names = [data.class_names[index] for index in classes]
    step = -(-max(images.shape[1:3]) // SAMPLE_PIXELS)
    variants, shares = samples(images, config.augmentation, columns, seed, data.white), None
    if config.augmentation.mixes:
        onehot = np.eye(len(data.class_names), dtype=np.float32)[classes]
        variants, shares = mixed_samples(variants, onehot, config.augmentation, seed)
    title = f"{data.name}: training images and variants of them"
    variants = variants[:, :, ::step, ::step]
    draw = partial(augmentation_grid, images[:, ::step, ::step], variants, names, title, shares, data.class_names)
    record.log_figure(draw, "augmentation.png")


def record_results(
    config: Config, record: TrialRun, data: Dataset, folds: Folds, known: dict[str, float], values: list[float]
) -> None:
    """Log what is known at the end of the training: its curves, its numbers, the best epoch; of folds their means,
    each beside its standard deviation.
    """
    names, curve = objectives(config.objective), folds.curve(leading_metric(config.objective))
    by_epoch = [name for name in curve.best if name.startswith("val_")]
    summary = {f"best_{name}": known[name] for name in by_epoch}
    summary |= {"best_epoch": curve.best_epoch, "fit_seconds": known["fit_seconds"]}
    summary |= {"objective": values[0]} | {name: known[name] for name in MODEL_METRICS if name in known}
    title = f"{data.name}, {config.model.name}: {names[0]} {values[0]:.4g}"
    if folds.count > 1:
        spread = folds.spread
        summary |= {_spread(f"best_{name}"): spread[name] for name in by_epoch if name in spread}
        if names[0] in spread:
            summary |= {"objective_std": spread[names[0]]}
            title += f" ± {spread[names[0]]:.2g}"
        title += f", mean of {len(folds.done)} folds"
        for epoch, metrics in enumerate(curve.epochs, 1):
            record.log_metrics(metrics, epoch)
        for number, fold in enumerate(folds.done, 1):
            own = {"best_epoch": float(fold.history.best_epoch)}
            own |= {"objective": fold.known[names[0]]} if names[0] in fold.known else {}
            record.log_metrics(folds.named(own, number))
    record.log_figure(partial(learning_curves, curve.epochs, curve.best_epoch, title), "learning_curves.png")
    record.log_metrics(summary)


def _spread(metric: str) -> str:
    """Return the name of a metric's standard deviation; a class comes last, as always: recall_std[rose]."""
    head, bracket, name = metric.partition("[")
    return f"{head}_std{bracket}{name}"


def record_evaluation(record: TrialRun, data: Dataset, judged: Evaluation, pictures: bool) -> None:
    """Log what the model makes of the validation images: numbers, tables, one picture, or all of them."""
    names, counts, scores, images = data.class_names, judged.confusion, judged.scores, "validation images"
    record.log_metrics(judged.numbers)
    record.log_figure(partial(confusion_matrix, counts, names, images), "confusion_matrix.png")
    record.log_table(
        {"class_names": list(names), "counts": counts.tolist(), "normalized": normalize_rows(counts).tolist()},
        "confusion_matrix.json",
    )
    by_class = {name: getattr(scores, name).tolist() for name in ("precision", "recall", "f1", "support")}
    record.log_table({"class": list(names)} | by_class, "classification_report.json")
    table = classification_report(scores, names, judged.accuracy)
    record.log_text(f"{table}\n\n{summary(judged, None, names, 20)}\n", "classification_report.txt")
    if not pictures:
        return
    percent = f"{images}, percent of each true class"
    record.log_figure(partial(confusion_matrix, counts, names, percent, True), "confusion_matrix_normalized.png")
    names_of_files = data_files(data)
    record.log_text(predictions_table(judged, names, names_of_files), "predictions.csv")
    worst = judged.worst_mistakes(WORST)
    shown = None if names_of_files is None else [names_of_files[i] for i in worst]
    record.log_figure(
        partial(
            mistakes, thumbnails(data.validation.images[worst]), judged.true[worst], judged.predicted[worst],
            judged.confidence[worst], names, "the worst mistakes: predicted class, its probability, true class",
            shown,
        ),
        "worst_mistakes.png",
    )  # fmt: skip
    found = judged.calibration
    record.log_figure(
        partial(reliability_diagram, found.counts, found.confidence, found.accuracy, found.ece, images),
        "reliability_diagram.png",
    )


def data_files(data: Dataset) -> list[str] | None:
    """Return the file of each validation image; None where the data did not come in files."""
    names = data.names.get("validation")
    return None if names is None else [str(name) for name in names]


def record_robustness(record: TrialRun, robust: Robustness) -> None:
    """Log what the model makes of altered copies of the validation images."""
    record.log_metrics(robust.numbers)
    labels = ["as it is", *(f"{kind} {accuracy:.3f}" for kind, accuracy in robust.accuracies.items())]
    title = f"copies of {robust.images} validation images: robust accuracy {robust.robust_accuracy:.3f}"
    record.log_figure(partial(altered_copies, thumbnails(robust.examples), labels, title), "altered_copies.png")
