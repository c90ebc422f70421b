"""What MLflow gets to see of a trial: which run it is, and what is logged at its end."""

import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.config import Config, as_yaml
from src.config.objective import MODEL_METRICS, objectives
from src.dataset import Dataset
from src.evaluation import Evaluation
from src.report import confusion_matrix, learning_curves
from src.study import OUTBOX, PARENT
from src.tracking import TrialRun, courier, unreachable
from src.training import History

if TYPE_CHECKING:
    import keras

    from hydra_plugins.hydra_convsweep import TrialHandle

PARENT_TIMEOUT = 300.0  # seconds; the driver imports MLflow and, the first time, creates its database


def start_record(config: Config, trial: "TrialHandle | None") -> TrialRun:
    """Create the trial's MLflow run, under the study's once the driver has made that."""
    shown: dict[str, Any] = {
        "dataset": config.dataset.name,
        "model": config.model.name,
        "optimizer": config.optimizer["_target_"].rpartition(".")[2].lower(),
        "epochs": config.training.epochs,
        "batch_size": config.training.batch_size,
    }
    post = courier(config.tracking.experiment, config.tracking.uri)
    if trial is None:
        if problem := unreachable(config.tracking.uri):
            sys.exit(f"error: {problem}")
        outbox = Path("outputs", OUTBOX).absolute()
        post.adopt(outbox)  # what an earlier run left
        record = TrialRun(post, outbox, f"{config.dataset.name}-{config.model.name}", shown)
    else:
        record = TrialRun(
            post, trial.directory.parent / OUTBOX, f"trial-{trial.number:04d}", shown | dict(trial.params),
            trial.study_name, trial.number, _wait_for_parent(trial),
        )  # fmt: skip
    record.log_text(as_yaml(config), "config.yaml")
    return record


def _wait_for_parent(trial: "TrialHandle") -> str:
    deadline = time.monotonic() + PARENT_TIMEOUT
    while (parent := trial.study_attrs.get(PARENT)) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the sweep's driver made no MLflow run for the study within {PARENT_TIMEOUT:g} s")
        time.sleep(0.1)
    return parent


def record_results(
    config: Config,
    record: TrialRun,
    data: Dataset,
    network: "keras.Model",
    history: History,
    judged: Evaluation,
    known: dict[str, float],
    values: list[float],
) -> None:
    """Log what is known at the end: pictures, numbers, the best epoch."""
    names = objectives(config.objective)
    summary = {f"best_{name}": value for name, value in history.best.items() if name.startswith("val_")}
    summary |= {"best_epoch": history.best_epoch, "fit_seconds": history.fit_seconds}
    summary |= {"objective": values[0]} | {name: known[name] for name in MODEL_METRICS if name in known}
    title = f"{data.name}, {config.model.name}: {names[0]} {values[0]:.4g}"
    record.log_figure(partial(learning_curves, history.epochs, history.best_epoch, title), "learning_curves.png")
    record.log_figure(
        partial(confusion_matrix, judged.confusion, data.class_names, "validation images"), "confusion_matrix.png"
    )
    record.log_table(
        {"class_names": list(data.class_names), "counts": judged.confusion.tolist()}, "confusion_matrix.json"
    )
    lines: list[str] = []
    network.summary(print_fn=lines.append)
    record.log_text("\n".join(lines), "model_summary.txt")
    record.log_metrics(summary)
