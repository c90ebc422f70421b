"""A trial, from its config to its record: this function is the table of contents of the application."""

from functools import partial
from typing import TYPE_CHECKING

from hydra_plugins.hydra_convsweep import Infeasible, current_trial
from src import dataset, model, training
from src.config import Config, constraint, make_optimizer
from src.config.objective import METRICS, leading_metric, objectives
from src.dataset import DatasetError
from src.evaluation import evaluate, latency_ms
from src.model.geometry import check_geometry
from src.record import record_results, start_record
from src.study import CHECKPOINT
from src.tracking import TrialRun

__all__ = ["DatasetError", "run"]

if TYPE_CHECKING:
    import keras

    from hydra_plugins.hydra_convsweep import TrialHandle


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
    checkpoint = training.Checkpoint(trial.directory / CHECKPOINT if trial is not None else None)
    with start_record(config, trial) as record:
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
        record_results(config, record, data, network, history, judged, known, values)
        if not broken and _is_best(config, trial, values[0]):
            record.log_model(network)
        record.end(_state(trial))
    checkpoint.remove()
    return values if len(values) > 1 else values[0]


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
