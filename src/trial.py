"""A trial, from its config to its record: this function is the table of contents of the application."""

import json
import logging
import os
from functools import partial
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig

from convsweep import Infeasible, current_trial
from src import dataset, model, training
from src.augmentation import rescaled
from src.config import Config, constraint, make_optimizer
from src.config.model import Custom
from src.config.objective import by_epoch, evaluated, leading_metric, objectives
from src.dataset import DatasetError
from src.evaluation import (
    Evaluation,
    Robustness,
    check_metrics,
    evaluate,
    fit_temperature,
    latency_ms,
    measure_robustness,
)
from src.model.geometry import check_geometry
from src.model.own import ModelError
from src.recording import CHECKPOINT, FIT, await_data, bound_checkpoints, is_member, keep_member, system_metrics
from src.recording.trial_record import (
    record_augmentation,
    record_environment,
    record_evaluation,
    record_network,
    record_results,
    record_robustness,
    record_weights,
    say_where,
    start_record,
)
from src.report import summary
from src.tracking import TrialRun

__all__ = ["DatasetError", "ModelError", "run"]

EPOCHS_LINE = "loss", "accuracy", "val_loss", "val_accuracy"
CHEAP_IMAGES = 2000  # so many are predicted in about 0.3 s: the default model, 28x28 pixels, one thread

if TYPE_CHECKING:
    import keras

    from convsweep import TrialHandle


def run(config: Config) -> float | list[float]:
    """Train, judge and record one configuration; return its objective, or a list of several.

    Raises:
        DatasetError: The images cannot be had.
        Infeasible: The model shrinks the images to nothing, or breaks a constraint before it is trained.
        Diverged: The loss became NaN or infinite.
    """
    trial = current_trial()
    if trial is not None and not await_data(trial):
        return 0.0  # which nobody reads: the sweep has stopped, and the trial waits
    seed = trial.seed if trial is not None else config.seed
    threads = config.training.threads or (1 if trial is not None else None)
    training.prepare(config.training.precision, threads)
    checkpoint = training.Checkpoint(trial.directory / CHECKPOINT if trial is not None else None)
    with start_record(config, trial) as record:
        data = rescaled(dataset.load(config.dataset, config.seed), config.augmentation.rescale)
        for note in data.notes if trial is None else ():
            print(f"dataset  {note}", flush=True)
        if config.evaluation.test and data.test is None:
            raise DatasetError(f"`evaluation.test` must be false: {data.name} has no test images, got true")
        if problems := check_metrics(_metrics(config), data.class_names):
            raise DatasetError("\n".join(problems))
        network, known = _build(config, trial, record, data, seed)
        _check_sizes(config, network)
        record_network(record, network)
        record_environment(config, record, data, seed, threads)
        record_augmentation(config, record, data, seed)
        try:
            history = train(config, network, data, seed, partial(_after_epoch, config, trial, record), checkpoint)
        except training.Diverged:
            if trial is not None:  # the sampler is to keep away from there, as from what is not allowed
                trial.set_constraint("diverged", 1.0)
            raise
        if history.paused:
            bound_checkpoints(trial, config.training.paused_mb)
            record.end("WAITING")
            return 0.0  # which nobody reads: the trial goes on another time
        record_weights(record, network)
        known |= history.best | {"fit_seconds": history.fit_seconds}
        judged = _judge(config, data, network, known)
        robust = None
        if _asks_for("robust_accuracy", config):
            robust = measure_robustness(network, data.validation, config.seed)
            known["robust_accuracy"] = robust.robust_accuracy
        broken = _constrain(config, trial, known)
        values = [float(known[name]) for name in objectives(config.objective)]
        record_results(config, record, data, history, known, values)
        if trial is not None:  # few validation images tie all the time
            trial.set_tie_break(history.best["val_loss"])
            trial.set_attr(FIT, {**_cost(known), "best_epoch": history.best_epoch})
        if best := not broken and (trial is None or (_state(trial) == "COMPLETE" and _is_worth_it(trial, values[0]))):
            judged = judged or evaluate(network, data.validation)
            keep(config, record, network, data, judged)
        if trial is not None and is_member(trial) and _state(trial) == "COMPLETE":
            judged = judged or evaluate(network, data.validation)
            keep_member(trial.directory, network, judged)
        _examine(config, trial, record, data, network, robust, judged, best)
        if config.evaluation.test:
            _test(config, record, data, network)
        record.end(_state(trial))
    checkpoint.remove()
    if trial is None:
        _say_best(config, history, values)
        say_where(config, record)
    return values if len(values) > 1 else values[0]


def train(
    config: Config,
    network: "keras.Model",
    data: dataset.Dataset,
    seed: int,
    after_epoch: training.EpochEnd,
    checkpoint: training.Checkpoint | None = None,
) -> training.History:
    """Fit a network as a config says, without recording anything; see `training.fit`."""
    return training.fit(
        network,
        make_optimizer(config.optimizer),
        data,
        config.training,
        config.schedule,
        leading_metric(config.objective),
        seed,
        after_epoch,
        checkpoint,
        config.augmentation,
        _measure(config, data),
    )


def _say_best(config: Config, history: training.History, values: list[float]) -> None:
    """Print what a single run came to, and where its config and log are."""
    named = ", ".join(f"{name} {value:.5g}" for name, value in zip(objectives(config.objective), values, strict=True))
    print(f"best     {named} in epoch {history.best_epoch} of {len(history.epochs)}", flush=True)
    if HydraConfig.initialized():
        folder = os.path.relpath(HydraConfig.get().runtime.output_dir)
        print(f"results  {folder}: config and log; the model and the pictures are in the record", flush=True)


def _build(
    config: Config, trial: "TrialHandle | None", record: TrialRun, data: dataset.Dataset, seed: int
) -> "tuple[keras.Model, dict[str, float]]":
    """Build the network, if it can be and is allowed to; return it with what is known of it before it is trained."""
    broken = [] if isinstance(config.model, Custom) else check_geometry(config.model, data.input_shape)
    if not broken:
        try:
            network = model.build(config.model, data.input_shape, len(data.class_names), seed, data.scale, data.offset)
            model.whiten(network, data)
        except Infeasible as error:  # a network of one's own says so
            raise _infeasible(record, [str(error)]) from error
        known: dict[str, float] = {"parameters": network.count_params()}
        if _asks_for("latency_ms", config):
            known["latency_ms"] = latency_ms(network, data.validation)
        broken = _constrain(config, trial, known)
        if config.training.batch_size == 1 and model.normalizes(network):  # one's own: the others are known before
            broken.append("`training.batch_size` must be 2 or more with batch normalization, got 1")
        if not broken:
            return network, known
    raise _infeasible(record, broken)


def _check_sizes(config: Config, network: "keras.Model") -> None:
    """Raise where a network of one's own does not take the sizes that it is to be trained with."""
    sizes = config.training.progressive_resizing
    if sizes is not None and isinstance(config.model, Custom) and not training.takes_size(network, sizes[0]):
        raise ModelError(
            f"`training.progressive_resizing` must be null with {config.model.build}, which takes one size of image, "
            f"got {sizes}; give it a GlobalAveragePooling2D in place of its Flatten"
        )


def _infeasible(record: TrialRun, broken: list[str]) -> Infeasible:
    record.log_text("\n".join(broken), "infeasible.txt")
    record.end("PRUNED")
    return Infeasible("; ".join(broken))


def _metrics(config: Config) -> list[str]:
    """Return the metrics that the objectives and the constraints are about."""
    return [*objectives(config.objective), *(constraint.parse(text).metric for text in config.constraints)]


def _asks_for(metric: str, config: Config) -> bool:
    """Whether an objective or a constraint is about a metric that takes long to measure."""
    return metric in _metrics(config)


def _measure(config: Config, data: dataset.Dataset) -> training.Measure | None:
    """Return what measures, after each epoch, those objectives that Keras does not know."""
    names = [name for name in objectives(config.objective) if evaluated(name)]
    if not names:
        return None

    def measure(network: "keras.Model") -> dict[str, float]:
        judged = evaluate(network, data.validation)
        return {by_epoch(name) or name: judged.number(name, data.class_names) for name in names}

    return measure


def _judge(config: Config, data: dataset.Dataset, network: "keras.Model", known: dict[str, float]) -> Evaluation | None:
    """Add the objectives and constraints that are an evaluation's to what is known of the best epoch."""
    names = [name for name in _metrics(config) if evaluated(name)]
    if not names:
        return None
    judged = evaluate(network, data.validation, config.evaluation.tta)
    known |= {name: judged.number(name, data.class_names) for name in names}
    return judged


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
    record.log_metrics(metrics | (system_metrics() if config.tracking.system_metrics else {}), epoch)
    if trial is None:
        names = dict.fromkeys([*EPOCHS_LINE, *(name for name in metrics if name.startswith("val_"))])
        shown = " ".join(f"{name} {metrics[name]:.4f}" for name in names)
        print(f"epoch {epoch}/{config.training.epochs}: {shown}, {metrics['epoch_seconds']:.1f} s", flush=True)
        return training.Verdict.GO_ON
    if (metric := by_epoch(objectives(config.objective)[0])) is not None:
        trial.report(metrics[metric], epoch, metrics.get("val_loss"))
    if last or not trial.should_stop():
        return training.Verdict.GO_ON
    return training.Verdict.STOP if trial.stopped else training.Verdict.PAUSE


def _examine(
    config: Config,
    trial: "TrialHandle | None",
    record: TrialRun,
    data: dataset.Dataset,
    network: "keras.Model",
    robust: Robustness | None,
    judged: Evaluation | None,
    best: bool,
) -> None:
    """Record where the model errs: what is cheap of every trial, all of one that is worth it."""
    closely = best or trial is None or config.evaluation.trials == "all"
    if robust is None and closely:
        robust = measure_robustness(network, data.validation, config.seed)
    if robust is not None:
        record_robustness(record, robust)
    if closely or len(data.validation.images) <= CHEAP_IMAGES:
        judged = judged or evaluate(network, data.validation, config.evaluation.tta)
        record_evaluation(record, data, judged, closely)
        if trial is None:
            print(summary(judged, robust, data.class_names))


def _cost(known: dict[str, float]) -> dict[str, float]:
    """Return what a trained model costs, as far as it is known of every one."""
    return {name: float(known[name]) for name in ("parameters", "fit_seconds")}


def _is_worth_it(trial: "TrialHandle", value: float) -> bool:
    """Whether a trial's model may be wanted: the study's best, or one of those that are trained again to be sure."""
    return not is_member(trial) and (trial.repeats is not None or trial.is_best(value))


def keep(
    config: Config, record: TrialRun, network: "keras.Model", data: dataset.Dataset, judged: Evaluation | None = None
) -> None:
    """Keep the model; one of one's own may hold a layer that Keras cannot save, and has been trained all the same.

    Args:
        config: Of its training.
        record: Of the run that it is to be a part of.
        network: The model.
        data: What it was trained on.
        judged: What it says of images that it was not trained on, by which its confidence is calibrated.
    """
    beside: dict[str, str] = {}
    if data.preprocessing is not None:  # what an image needs before the model can be asked about it
        beside["preprocessing.json"] = json.dumps(data.preprocessing.as_dict(), indent=2)
    if judged is not None:
        beside["calibration.json"] = json.dumps({"temperature": fit_temperature(judged.probabilities, judged.true)})
    for name, text in beside.items():
        record.log_text(text, name)
    try:
        record.log_model(training.finished(network, make_optimizer(config.optimizer), data, config.training), beside)
    except (NotImplementedError, TypeError, ValueError) as error:
        if not isinstance(config.model, Custom):
            raise
        said = " ".join(str(error).partition("Example:")[0].split())
        logging.getLogger(__name__).warning("the model is not kept, Keras cannot save it: %s", said)
        record.log_text(f"{said}\n", "model_not_kept.txt")


def _test(config: Config, record: TrialRun, data: dataset.Dataset, network: "keras.Model") -> None:
    """Judge the model by the test images, which had no part in anything before."""
    assert data.test is not None  # `run` has looked
    judged = evaluate(network, data.test, config.evaluation.tta)
    record.log_metrics({"test_accuracy": judged.accuracy, "test_log_loss": judged.numbers["log_loss"]})
    print(f"test     accuracy {judged.accuracy:.4f} on {len(judged.true)} images", flush=True)


def _state(trial: "TrialHandle | None") -> str:
    """Return how a trial that got to its end ended."""
    if trial is None:
        return "COMPLETE"
    return "PRUNED" if trial.stopped else "COMPLETE"
