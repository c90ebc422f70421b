"""One network, built, trained and judged on one split of the data: a fold of a trial, or all of it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from convsweep import Infeasible, current_trial
from src import dataset, model, training
from src.augmentation import rescaled
from src.config import Config, constraint, make_optimizer
from src.config.model import Custom
from src.config.objective import by_epoch, check_classes, evaluated, leading_metric, objectives
from src.dataset import DatasetError
from src.evaluation import Evaluation, Robustness, evaluate, latency_ms, measure_robustness
from src.model.geometry import check_geometry
from src.model.own import ModelError
from src.recording import checkpoint_of, system_metrics
from src.recording.folds import Fold, Folds
from src.recording.trial_record import record_augmentation, record_environment, record_network
from src.tracking import TrialRun

EPOCHS_LINE = "loss", "accuracy", "val_loss", "val_accuracy"

if TYPE_CHECKING:
    import keras

    from convsweep import TrialHandle


@dataclass(frozen=True)
class Trained:
    """A network with the weights of its best epoch, the data of its fold, and what is known of it.

    Attributes:
        built: What was known before the training: the same for all folds of a trial.
        result: None where the training pauses.
    """

    network: "keras.Model"
    data: dataset.Dataset
    built: dict[str, float]
    robust: Robustness | None = None
    result: Fold | None = None


def train_fold(config: Config, trial: "TrialHandle | None", record: TrialRun, folds: Folds, first: bool) -> Trained:
    """Train and judge the fold that is next, the `first` one of this process or not.

    Raises:
        DatasetError: The images cannot be had.
        Infeasible: The model shrinks the images to nothing, or breaks a constraint before it is trained.
        Diverged: The loss became NaN or infinite.
    """
    number = folds.current
    seed = folds.seed(trial.seed if trial is not None else config.seed, number)
    threads = config.training.threads or (1 if trial is not None else None)
    training.prepare(config.training.precision, threads)
    loaded = dataset.load(config.dataset, config.seed, number=number)
    data = rescaled(loaded, config.augmentation.rescale)
    if first:
        _check(config, trial, data)
    network, built = _build(config, trial, record, data, seed, first)
    if first:
        _check_sizes(config, network)
        record_network(record, network)
        if number == 1:  # an earlier attempt has, else
            record_environment(config, record, data, seed, threads)
        record_augmentation(config, record, data, seed)
    try:
        after_epoch = partial(_after_epoch, config, trial, record, folds, built)
        checkpoint = training.Checkpoint(checkpoint_of(trial.directory, number) if trial is not None else None)
        history = train(config, network, data, seed, after_epoch, checkpoint)
    except training.Diverged:
        if trial is not None:  # the sampler is to keep away from there, as from what is not allowed
            trial.set_constraint("diverged", 1.0)
        raise
    if history.paused:
        return Trained(network, data, built)
    known = dict(history.best)
    judged = _judge(config, data, network, known, always=folds.count > 1)
    robust = None
    if "robust_accuracy" in asked_for(config) or (folds.count > 1 and (trial is None or examines_all(config))):
        robust = measure_robustness(network, data.validation, config.seed)
        known |= robust.numbers
    return Trained(network, data, built, robust, Fold(history, known, judged))


def build(config: Config, data: dataset.Dataset, seed: int) -> "keras.Model":
    """Build the network of a config for its data, without recording anything.

    Raises:
        Infeasible, ModelError: A network of one's own cannot be had.
    """
    return model.build(config.model, data.input_shape, len(data.class_names), seed, data.scale, data.offset)


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


def asked_for(config: Config) -> list[str]:
    """Return the metrics that the objectives and the constraints are about."""
    return constraint.metrics(config.objective, config.constraints)


def examines_all(config: Config) -> bool:
    """Whether each trial is looked at closely."""
    return config.evaluation.trials == "all"


def constrain(config: Config, trial: "TrialHandle | None", known: dict[str, float]) -> list[str]:
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


def _check(config: Config, trial: "TrialHandle | None", data: dataset.Dataset) -> None:
    """Refuse what does not fit the data; say how it was read, where nobody has."""
    for note in data.notes if trial is None else ():
        print(f"dataset  {note}", flush=True)
    if config.evaluation.test and data.test is None:
        raise DatasetError(f"`evaluation.test` must be false: {data.name} has no test images, got true")
    if problems := check_classes(asked_for(config), data.class_names):
        raise DatasetError("\n".join(problems))


def _build(
    config: Config, trial: "TrialHandle | None", record: TrialRun, data: dataset.Dataset, seed: int, first: bool
) -> "tuple[keras.Model, dict[str, float]]":
    """Build the network, if it can be and is allowed to; return it with what is known of it before it is trained."""
    broken = [] if isinstance(config.model, Custom) else check_geometry(config.model, data.input_shape)
    if not broken:
        try:
            network = build(config, data, seed)
        except Infeasible as error:  # a network of one's own says so
            raise _infeasible(record, [str(error)]) from error
        known: dict[str, float] = {"parameters": network.count_params()}
        if not first:
            return network, known
        if "latency_ms" in asked_for(config):
            known["latency_ms"] = latency_ms(network, data.validation)
        broken = constrain(config, trial, known)
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


def _measure(config: Config, data: dataset.Dataset) -> training.Measure | None:
    """Return what measures, after each epoch, those objectives that Keras does not know.

    The robust accuracy, which takes long, is measured where a scheduler looks at it.
    """
    named, trial = objectives(config.objective), current_trial()
    names = [name for name in named if evaluated(name)]
    robust = "robust_accuracy" in named and len(named) > 1 and config.dataset.splits == 1
    if not (names or robust):
        return None

    def measure(network: "keras.Model", epoch: int) -> dict[str, float]:
        found: dict[str, float] = {}
        if names:
            judged = evaluate(network, data.validation)
            found = {by_epoch(name) or name: judged.number(name, data.class_names) for name in names}
        if robust and trial is not None and trial.is_judged_at(epoch):
            found["robust_accuracy"] = measure_robustness(network, data.validation, config.seed).robust_accuracy
        return found

    return measure


def reported(config: Config, metrics: Mapping[str, float], built: Mapping[str, float]) -> float | list[float] | None:
    """Return the objective as it stands after an epoch or a fold, a list of several; None where nobody knows any.

    Of several, NaN is what was not measured. Beside each other are trials that have trained for as many epochs: of
    them the seconds of an epoch say how long they take.
    """
    names = objectives(config.objective)
    if len(names) == 1:
        return metrics.get(by_epoch(names[0]) or names[0])
    known = {"fit_seconds": metrics.get("epoch_seconds", math.nan), **built, **metrics}
    values = [known.get(by_epoch(name) or name, math.nan) for name in names]
    return values if any(map(by_epoch, names)) else None


def _judge(
    config: Config, data: dataset.Dataset, network: "keras.Model", known: dict[str, float], always: bool
) -> Evaluation | None:
    """Add the objectives and constraints that are an evaluation's to what is known of the best epoch."""
    names = [name for name in asked_for(config) if evaluated(name)]
    if not names and not always:
        return None
    judged = evaluate(network, data.validation, config.evaluation.tta)
    known |= {name: judged.number(name, data.class_names) for name in names}
    return judged


def _after_epoch(
    config: Config,
    trial: "TrialHandle | None",
    record: TrialRun,
    folds: Folds,
    built: Mapping[str, float],
    epoch: int,
    metrics: dict[str, float],
    last: bool,
) -> training.Verdict:
    """Record an epoch; return what is to become of the trial."""
    record.log_metrics(folds.named(metrics, folds.current), epoch)
    if config.tracking.system_metrics:
        epochs_before = (folds.current - 1) * config.training.epochs
        record.log_metrics(system_metrics(), epochs_before + epoch)
    if trial is None:
        names = dict.fromkeys([*EPOCHS_LINE, *(name for name in metrics if name.startswith("val_"))])
        shown = " ".join(f"{name} {metrics[name]:.4f}" for name in names)
        fold = f"fold {folds.current}/{folds.count}, " if folds.count > 1 else ""
        print(f"{fold}epoch {epoch}/{config.training.epochs}: {shown}, {metrics['epoch_seconds']:.1f} s", flush=True)
        return training.Verdict.GO_ON
    value = reported(config, metrics, built)
    if value is not None and folds.count == 1:  # where there are folds, each as a whole is a step
        trial.report(value, epoch, metrics.get("val_loss"))
    if last or not trial.should_stop():
        return training.Verdict.GO_ON
    return training.Verdict.STOP if trial.stopped else training.Verdict.PAUSE
