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
from src.config.pretrained import Pretrained, full_training
from src.config.training import total_epochs
from src.dataset import DatasetError
from src.evaluation import Evaluation, Robustness, evaluate, latency_ms, measure_robustness
from src.model.features import Stopped
from src.model.geometry import check_geometry
from src.model.own import ModelError
from src.model.pretrained import as_backbones_see
from src.recording import check_unchanged, checkpoint_of, system_metrics
from src.recording.environment import environment
from src.recording.folds import Fold, Folds
from src.recording.trial_record import record_augmentation, record_environment, record_network
from src.tracking import TrialRun

EPOCHS_LINE = "loss", "accuracy", "val_loss", "val_accuracy"

if TYPE_CHECKING:
    import keras

    from convsweep import TrialHandle


@dataclass(frozen=True)
class Trained:
    """What was trained, with the weights of its best epoch, the data of its fold, and what is known of it.

    Attributes:
        data: Images, also where the network sees features in their place.
        built: What was known before the training: the same for all folds of a trial.
        result: None where the training pauses.
    """

    course: training.Course
    data: dataset.Dataset
    built: dict[str, float]
    robust: Robustness | None = None
    result: Fold | None = None

    def judged(self, tta: bool = False) -> Evaluation:
        """Return what the network says of the validation images, with `tta` of their mirror images as well."""
        return _judged(self.course, self.data, tta)


def train_fold(
    config: Config, trial: "TrialHandle | None", record: TrialRun, folds: Folds, first: bool
) -> Trained | None:
    """Train and judge the fold that is next, the `first` one of this process or not; None if the sweep stops before.

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
    if trial is not None and number == 1:
        check_unchanged(trial, config.dataset, config.seed, loaded.digests)
    data = rescaled(loaded, config.augmentation.rescale)
    if first:
        _check(config, trial, data)
    if isinstance(config.model, Pretrained):
        data = as_backbones_see(data)
    try:
        course, built = _build(config, trial, record, data, seed, first)
    except Stopped:
        return None
    if first:
        _check_sizes(config, course.network)
        record_network(record, course.network, course.parameters)
        if number == 1:  # an earlier attempt has, else
            record_environment(config, record, data, environment(config, data, seed, threads))
        record_augmentation(config, record, data, seed)
    try:
        after_epoch = partial(_after_epoch, config, trial, record, folds, built)
        checkpoint = training.Checkpoint(checkpoint_of(trial.directory, number) if trial is not None else None)
        course, history = train(config, course, seed, after_epoch, checkpoint)
    except training.Diverged:
        if trial is not None:  # the sampler is to keep away from there, as from what is not allowed
            trial.set_constraint("diverged", 1.0)
        raise
    if history.paused:
        return Trained(course, data, built)
    known = dict(history.best)
    judged = _judge(config, data, course, known, always=folds.count > 1)
    robust = None
    if "robust_accuracy" in asked_for(config) or (folds.count > 1 and (trial is None or examines_all(config))):
        robust = measure_robustness(course.whole(), data.validation, config.seed)
        known |= robust.numbers
    return Trained(course, data, built, robust, Fold(history, known, judged))


def train(
    config: Config,
    course: training.Course,
    seed: int,
    after_epoch: training.EpochEnd,
    checkpoint: training.Checkpoint | None = None,
) -> tuple[training.Course, training.History]:
    """Train as a config says, without recording anything; see `training.fit_course`."""
    return training.fit_course(
        course,
        partial(make_optimizer, config.optimizer),
        config,
        leading_metric(config.objective),
        seed,
        after_epoch,
        checkpoint or training.Checkpoint(None),
        partial(measure_of, config),
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
        raise DatasetError(
            f"`evaluation.test` must be false: {data.name} has no test images, got true; type evaluation.test=false, "
            "or e.g. dataset.test_fraction=0.2, which sets some aside"
        )
    if trial is None and (why := full_training(config.model, config.augmentation, config.training)):
        print(f"model    {why}", flush=True)
    if problems := check_classes(asked_for(config), data.class_names):
        raise DatasetError("\n".join(problems))


def _build(
    config: Config, trial: "TrialHandle | None", record: TrialRun, data: dataset.Dataset, seed: int, first: bool
) -> tuple[training.Course, dict[str, float]]:
    """Build the network, if it can be and is allowed to; return it with what is known of it before it is trained."""
    broken = check_geometry(config.model, data.input_shape)
    if not broken:
        try:
            course = training.course(config, data, seed, trial.should_stop if trial is not None else lambda: False)
        except Infeasible as error:  # a network of one's own says so
            raise _infeasible(record, [str(error)]) from error
        known: dict[str, float] = {"parameters": course.parameters}
        if not first:
            return course, known
        if "latency_ms" in asked_for(config):
            known["latency_ms"] = latency_ms(course.whole(), data.validation)
        broken = constrain(config, trial, known)
        own = isinstance(config.model, Custom)  # the others are known before
        if config.training.batch_size == 1 and own and model.normalizes(course.network):
            broken.append("`training.batch_size` must be 2 or more with batch normalization, got 1")
        if not broken:
            return course, known
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


def measure_of(config: Config, data: dataset.Dataset) -> training.Measure | None:
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


def _judged(course: training.Course, data: dataset.Dataset, tta: bool) -> Evaluation:
    if tta:  # features have no mirror images
        return evaluate(course.whole(), data.validation, tta)
    return evaluate(course.network, course.seen.validation)


def _judge(
    config: Config, data: dataset.Dataset, course: training.Course, known: dict[str, float], always: bool
) -> Evaluation | None:
    """Add the objectives and constraints that are an evaluation's to what is known of the best epoch."""
    names = [name for name in asked_for(config) if evaluated(name)]
    if not names and not always:
        return None
    judged = _judged(course, data, config.evaluation.tta)
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
        epochs_before = (folds.current - 1) * _epochs(config)
        record.log_metrics(system_metrics(), epochs_before + epoch)
    if trial is None:
        names = dict.fromkeys([*EPOCHS_LINE, *(name for name in metrics if name.startswith("val_"))])
        shown = " ".join(f"{name} {metrics[name]:.4f}" for name in names)
        fold = f"fold {folds.current}/{folds.count}, " if folds.count > 1 else ""
        print(f"{fold}epoch {epoch}/{_epochs(config)}: {shown}, {metrics['epoch_seconds']:.1f} s", flush=True)
        return training.Verdict.GO_ON
    value = reported(config, metrics, built)
    if value is not None and folds.count == 1:  # where there are folds, each as a whole is a step
        trial.report(value, epoch, metrics.get("val_loss"))
    if last or not trial.should_stop():
        return training.Verdict.GO_ON
    return training.Verdict.STOP if trial.stopped else training.Verdict.PAUSE


def _epochs(config: Config) -> int:
    return total_epochs(config.training.epochs, config.training.fine_tune_epochs)
