"""A trial, from its config to its record: this function is the table of contents of the application."""

import dataclasses
import json
import logging
import os
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig

from convsweep import current_trial
from convsweep.study import INFEASIBLE
from src import dataset, training
from src.config import Config, as_begun, make_optimizer
from src.config.objective import objectives
from src.dataset import DatasetError
from src.evaluation import (
    GLANCE,
    IMAGES,
    Evaluation,
    Robustness,
    both_ways,
    evaluate,
    fit_temperature,
    measure_robustness,
)
from src.fold import Trained, constrain, examines_all, reported, train_fold
from src.model import own_kept
from src.model.own import ModelError
from src.model.own_kept import NotKept
from src.recording import (
    EPOCHS,
    FIT,
    FOLDS,
    await_data,
    bound_checkpoints,
    is_member,
    keep_answers,
    keep_member,
    remove_checkpoints,
)
from src.recording.folds import Folds
from src.recording.trial_record import (
    record_evaluation,
    record_results,
    record_robustness,
    record_weights,
    say_where,
    start_record,
)
from src.report import summary
from src.tracking import NOT_KEPT, TrialRun

__all__ = ["DatasetError", "ModelError", "run"]

CHEAP_IMAGES = 2000  # so many are predicted in about 0.3 s: the default model, 28x28 pixels, one thread

if TYPE_CHECKING:
    from pathlib import Path

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
    if trial is not None:
        config = as_begun(config, trial.study_attrs)
    folds = Folds(config.dataset.splits, trial.directory / FOLDS if trial is not None else None)
    with start_record(config, trial) as record:
        trained = _train_folds(config, trial, record, folds)
        if trained is None:
            bound_checkpoints(trial, config.training.paused_mb)
            record.end("WAITING")
            return 0.0  # which nobody reads: the trial goes on another time
        record_weights(record, trained.course.network)
        known = trained.built | folds.mean
        broken = constrain(config, trial, known)
        if trial is not None and broken:
            trial.set_attr(INFEASIBLE, "; ".join(broken))
        values = [float(known[name]) for name in objectives(config.objective)]
        record_results(config, record, trained.data, folds, known, values)
        if trial is not None:
            trial.set_tie_break(known["val_loss"])  # few validation images tie all the time
            trial.set_attr(FIT, {**_cost(known), "best_epoch": folds.best_epoch})
            if folds.spread:
                trial.set_spread([folds.spread.get(name, 0.0) for name in objectives(config.objective)])
        judged = folds.judged
        ranking = trial.ranking(values[0]) if trial is not None and not broken and _state(trial) == "COMPLETE" else []
        kept = False
        if best := not broken and (trial is None or _is_worth_it(trial, ranking)):
            judged = judged or trained.judged(config.evaluation.tta)
            why_not = keep(config, record, _answering(config, trained.course.whole()), trained.data, judged)
            kept = why_not is None
            if trial is not None and why_not is not None:
                trial.set_attr(NOT_KEPT, why_not)
        if trial is not None and is_member(trial) and _state(trial) == "COMPLETE":
            # Of several folds it is the last one's network that is kept: its own images say what it is worth by itself.
            own = judged if judged and folds.count == 1 else trained.judged(config.evaluation.tta)
            network = _answering(config, trained.course.whole())
            keep_member(trial.directory, network, own, config.model)
        judged = _examine(config, trial, record, folds, trained, judged, best)
        if trial is not None and judged is not None and ranking and len(values) == 1 and not is_member(trial):
            keep_answers(trial, judged, trained.data.input_shape, ranking)
        if config.evaluation.test:
            _test(config, record, trained)
        record.end(_state(trial))
    if trial is None:
        _say_best(config, folds, values)
        say_where(config, record, kept)
    else:
        remove_checkpoints(trial.directory)
    return values if len(values) > 1 else values[0]


def _train_folds(config: Config, trial: "TrialHandle | None", record: TrialRun, folds: Folds) -> Trained | None:
    """Train the folds that are left, as long as the trial promises anything; return the last one, None for a pause."""
    trained = None
    for number in folds.left:
        trained = train_fold(config, trial, record, folds, first=trained is None)
        if trained is None or trained.result is None:
            return None
        folds.done.append(trained.result)
        if trial is None or folds.count == 1:
            continue
        trial.set_attr(EPOCHS, folds.epochs)
        if (value := reported(config, folds.mean, trained.built)) is not None:
            trial.report(value, number, folds.mean["val_loss"])
        if number == folds.count:
            break
        folds.save()
        if trial.should_stop():
            return trained if trial.stopped else None
    assert trained is not None  # the last fold is kept by nobody: one is left
    return trained


def _say_best(config: Config, folds: Folds, values: list[float]) -> None:
    """Print what a single run came to, and where its config and log are."""
    names = objectives(config.objective)
    off = {name: f" ± {spread:.2g}" for name, spread in folds.spread.items()}
    named = ", ".join(f"{name} {value:.5g}{off.get(name, '')}" for name, value in zip(names, values, strict=True))
    if folds.count > 1:
        print(f"best     {named}, mean and standard deviation of {folds.count} folds", flush=True)
    else:
        history = folds.done[0].history
        print(f"best     {named} in epoch {history.best_epoch} of {len(history.epochs)}", flush=True)
    if HydraConfig.initialized():
        folder = os.path.relpath(HydraConfig.get().runtime.output_dir)
        print(f"results  {folder}: config and log; the model and the pictures are in the record", flush=True)


def _examine(
    config: Config,
    trial: "TrialHandle | None",
    record: TrialRun,
    folds: Folds,
    trained: Trained,
    judged: Evaluation | None,
    best: bool,
) -> Evaluation | None:
    """Record where the model errs: what is cheap of every trial, all of one that is worth it; return what it says."""
    data = trained.data
    closely = best or trial is None or examines_all(config)
    most = IMAGES if trial is None or examines_all(config) else GLANCE
    if robust := _robustness(config, folds, trained, most if closely else 0):
        record_robustness(record, robust)
    if closely or judged is not None or len(data.validation.images) <= CHEAP_IMAGES:
        judged = judged or trained.judged(config.evaluation.tta)
        if folds.count > 1 and closely:  # whose images are shown
            data = dataset.all_validated(config.dataset, config.seed, len(folds.done))
        record_evaluation(record, data, judged, closely)
        if trial is None:
            print(summary(judged, robust, data.class_names))
    return judged


def _robustness(config: Config, folds: Folds, trained: Trained, most: int) -> Robustness | None:
    """Return how the networks of all folds do on altered copies where it was measured, else the last one by so many."""
    if trained.robust is None and most:
        return measure_robustness(trained.course.whole(), trained.data.validation, config.seed, most)
    if trained.robust is None:
        return None
    kinds = {kind: folds.mean[f"robust_accuracy_{kind}"] for kind in trained.robust.accuracies}
    return dataclasses.replace(trained.robust, accuracies=kinds)


def _cost(known: dict[str, float]) -> dict[str, float]:
    """Return what a trained model costs, as far as it is known of every one."""
    return {name: float(known[name]) for name in ("parameters", "fit_seconds")}


def _is_worth_it(trial: "TrialHandle", ranking: list[int]) -> bool:
    """Whether a trial's model may be wanted: the study's best, or one of those that are trained again to be sure."""
    return bool(ranking) and not is_member(trial) and (trial.repeats is not None or ranking[0] == trial.number)


def _answering(config: Config, network: "keras.Model") -> "keras.Model":
    """Return the network as it is kept: answering as it was judged, with `evaluation.tta` of mirror images as well."""
    return both_ways(network) if config.evaluation.tta else network


def keep(
    config: Config,
    record: TrialRun,
    network: "keras.Model",
    data: dataset.Dataset,
    judged: Evaluation | None = None,
    folder: "Path | None" = None,
) -> str | None:
    """Keep the model; one of one's own may hold a layer that Keras cannot save, or its code is being edited, and has
    been trained all the same: then return why.

    Args:
        config: Of its training.
        record: Of the run that it is to be a part of.
        network: The model, which answers as it was judged.
        data: What it was trained on.
        judged: What it says of images that it was not trained on, by which its confidence is calibrated.
        folder: Where it was loaded from, if it was, with its code if it has any.
    """
    beside: dict[str, str] = {}
    if data.preprocessing is not None:  # what an image needs before the model can be asked about it
        beside["preprocessing.json"] = json.dumps(data.preprocessing.as_dict(), indent=2)
    if judged is not None:
        beside["calibration.json"] = json.dumps({"temperature": fit_temperature(judged.probabilities, judged.true)})
    for name, text in beside.items():
        record.log_text(text, name)
    try:
        code = own_kept.code_of(config.model, network) if folder is None else own_kept.read_code(folder)
        with own_kept.known(code, network, folder):
            whole = training.finished(network, make_optimizer(config.optimizer), data, config.training)
            own_kept.check_copy(code, network, whole)
        record.log_model(whole, beside, code)
    except NotKept as error:
        logging.getLogger(__name__).warning("the model is not kept: %s", error)
        record.log_text(f"{error}\n", f"{NOT_KEPT}.txt")
        return str(error)
    return None


def _test(config: Config, record: TrialRun, trained: Trained) -> None:
    """Judge the model by the test images, which had no part in anything before."""
    assert trained.data.test is not None  # it was looked for
    judged = evaluate(trained.course.whole(), trained.data.test, config.evaluation.tta)
    record.log_metrics({"test_accuracy": judged.accuracy, "test_log_loss": judged.numbers["log_loss"]})
    print(f"test     accuracy {judged.accuracy:.4f} on {len(judged.true)} images", flush=True)


def _state(trial: "TrialHandle | None") -> str:
    """Return how a trial that got to its end ended."""
    if trial is None:
        return "COMPLETE"
    return "PRUNED" if trial.stopped else "COMPLETE"
