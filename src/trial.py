"""A trial, from its config to its record: this function is the table of contents of the application."""

import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra_plugins.hydra_convsweep import Infeasible, current_trial
from src import dataset, model, training
from src.config import Config, as_yaml, constraint, make_optimizer
from src.config.objective import METRICS, MODEL_METRICS, leading_metric, objectives
from src.dataset import DatasetError
from src.evaluation import Evaluation, evaluate, latency_ms
from src.model.geometry import check_geometry
from src.report import confusion_matrix, learning_curves
from src.study import OUTBOX, PARENT
from src.tracking import TrialRun, courier, unreachable

__all__ = ["DatasetError", "run"]

if TYPE_CHECKING:
    import keras

    from hydra_plugins.hydra_convsweep import TrialHandle

PARENT_TIMEOUT = 300.0  # seconds; the driver imports MLflow and, the first time, creates its database


def run(config: Config) -> float | list[float]:
    """Train, judge and record one configuration; return its objective, or a list of several.

    Raises:
        DatasetError: The images cannot be had.
        Infeasible: The model shrinks the images to nothing, or breaks a constraint before it is trained.
        Diverged: The loss became NaN or infinite.
    """
    trial = current_trial()
    seed = trial.seed if trial is not None else config.seed
    training.prepare(config.training.precision, config.training.threads or (1 if trial is not None else None))
    checkpoint = training.Checkpoint(trial.directory / "checkpoint.npz" if trial is not None else None)
    with _start_record(config, trial) as record:
        data = dataset.load(config.dataset, config.seed)
        network, known = _build(config, trial, record, data, seed)
        try:
            history = training.fit(
                network,
                make_optimizer(config.optimizer),
                data,
                config.training,
                config.schedule,
                leading_metric(config.objective),
                seed,
                partial(_after_epoch, config, trial, record),
                checkpoint,
            )
        except training.Diverged:
            if trial is not None:  # the sampler is to keep away from there, as from what is not allowed
                trial.set_constraint("diverged", 1.0)
            raise
        if history.paused:
            record.end("WAITING")
            return 0.0  # which nobody reads: the trial goes on another time
        judged = evaluate(network, data.validation, len(data.class_names))
        known |= history.best | {"fit_seconds": history.fit_seconds}
        broken = _constrain(config, trial, known)
        values = [float(known[name]) for name in objectives(config.objective)]
        _record(config, record, data, network, history, judged, known, values)
        if not broken and _is_best(config, trial, values[0]):
            record.log_model(network)
        record.end(_state(trial))
    checkpoint.remove()
    return values if len(values) > 1 else values[0]


def _start_record(config: Config, trial: "TrialHandle | None") -> TrialRun:
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


def _build(
    config: Config, trial: "TrialHandle | None", record: TrialRun, data: dataset.Dataset, seed: int
) -> "tuple[keras.Model, dict[str, float]]":
    """Build the network, if it can be and is allowed to; return it with what is known of it before it is trained."""
    broken = check_geometry(config.model, data.input_shape)
    if not broken:
        network = model.build(config.model, data.input_shape, len(data.class_names), seed, data.scale, data.offset)
        known: dict[str, float] = {"parameters": network.count_params()}
        if "latency_ms" in objectives(config.objective) or any("latency_ms" in text for text in config.constraints):
            known["latency_ms"] = latency_ms(network, data.validation)
        broken = _constrain(config, trial, known)
        if not broken:
            return network, known
    record.log_text("\n".join(broken), "infeasible.txt")
    record.end("PRUNED")
    raise Infeasible("; ".join(broken))


def _constrain(config: Config, trial: "TrialHandle | None", known: dict[str, float]) -> list[str]:
    """Tell the sampler how far the constraints on what is known are kept; return those that are broken."""
    broken = []
    for rule in map(constraint.parse, config.constraints):
        if rule.metric in known:
            violation = rule.violation(known[rule.metric])
            if trial is not None:
                trial.set_constraint(str(rule), violation)
            if violation > 0:
                broken.append(f"{rule.metric} is {known[rule.metric]:g}, which breaks {rule}")
    return broken


def _after_epoch(
    config: Config, trial: "TrialHandle | None", record: TrialRun, epoch: int, metrics: dict[str, float], last: bool
) -> training.Verdict:
    """Record an epoch; return what is to become of the trial."""
    record.log_metrics(metrics, epoch)
    if trial is None:
        shown = " ".join(f"{name} {metrics[name]:.4f}" for name in ("loss", "accuracy", "val_loss", "val_accuracy"))
        print(f"epoch {epoch}/{config.training.epochs}: {shown}, {metrics['epoch_seconds']:.1f} s", flush=True)
        return training.Verdict.GO_ON
    if (metric := objectives(config.objective)[0]) in metrics:
        trial.report(metrics[metric], epoch)
    if last or not trial.should_stop():
        return training.Verdict.GO_ON
    return training.Verdict.STOP if trial.stopped else training.Verdict.PAUSE


def _record(
    config: Config,
    record: TrialRun,
    data: dataset.Dataset,
    network: "keras.Model",
    history: training.History,
    judged: Evaluation,
    known: dict[str, float],
    values: list[float],
) -> None:
    """Log what is known at the end, and keep the model when it is the best so far."""
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


def _is_best(config: Config, trial: "TrialHandle | None", value: float) -> bool:
    if trial is None:
        return True
    maximize, best = METRICS[objectives(config.objective)[0]] == "maximize", trial.best_value
    return _state(trial) == "COMPLETE" and (best is None or (value > best if maximize else value < best))


def _state(trial: "TrialHandle | None") -> str:
    """Return how a trial that got to its end ended."""
    if trial is None:
        return "COMPLETE"
    return "PRUNED" if trial.stopped else "COMPLETE"
