"""Train a recorded run again, and say whether it comes out the same: `python -m src.reproduce study/12`."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from convsweep.errors import UserError, printable
from convsweep.sampling import derive_seed
from convsweep.study import find_study
from src.config import Config, ConfigError, read_config
from src.dataset import DatasetError
from src.dataset.cores import cores
from src.deployment import ModelNotFound, find_run
from src.process import program, quiet_native_stderr
from src.recording.environment import FILE as ENVIRONMENT
from src.recording.reproduction import COMPARED, differences, largest_difference, noise
from src.tracking import Lookup, NotHere, Run

STUDIES = Path("multirun")
WEIGHTS = "convsweep.weights"


def main() -> None:
    """Train as the run was trained; exit with 0 if the result is equal, to the bit or within noise, else with 1."""
    parser = argparse.ArgumentParser(prog=program("reproduce"), description=__doc__)
    parser.add_argument("run", help="a run's id, a trial (study/12), a study (its best trial), or champion")
    parser.add_argument("--uri", help="as in tracking.uri: $MLFLOW_TRACKING_URI by default, else ./mlflow.db")
    arguments = parser.parse_args()
    try:
        run, lookup = find_run(arguments.run, arguments.uri)
        config, then = _recorded(run, lookup)
        sys.exit(0 if _repeat(run, lookup, config, then) else 1)
    except (ModelNotFound, NotHere, ConfigError, DatasetError) as error:
        _refuse(error)
    except KeyboardInterrupt:
        print("interrupted; nothing was changed", file=sys.stderr)
        sys.exit(130)


def _recorded(run: Run, lookup: Lookup) -> tuple[Config, dict[str, Any]]:
    """Return a run's config, and what it stood on as far as it says."""
    config = read_config(lookup.fetch(run.artifacts, "config.yaml").read_text())
    try:
        then = json.loads(lookup.fetch(run.artifacts, ENVIRONMENT).read_text())
    except (NotHere, ValueError):
        print("note     the run is from before versions, device and data were recorded: what differs is not known")
        then = {"seed": _derived_seed(run, config), "threads": config.training.threads or (1 if run.study else None)}
    return config, then


def _derived_seed(run: Run, config: Config) -> int:
    """Return the seed of a run that did not record it: a trial's follows from that of its study."""
    if run.study is None or run.trial is None:
        return config.seed
    try:
        return derive_seed(find_study(run.study, STUDIES, None).user_attrs["seed"], run.trial)
    except UserError as error:
        raise ModelNotFound(
            f"trial {run.trial} of study {run.study} did not record its seed, and the study is not in {STUDIES}"
        ) from error


def _repeat(run: Run, lookup: Lookup, config: Config, then: dict[str, Any]) -> bool:
    """Train again, print what came out, and return whether it is equal."""
    folds = config.dataset.splits
    known = {name: lookup.history(run.run_id, f"fold_1/{name}" if folds > 1 else name) for name in COMPARED}
    epochs = max(known["loss"], default=0)
    if not epochs:
        raise ModelNotFound(f"run {run.run_id} has no epoch to compare with: it ended before its first one")
    words = f"trial {run.trial} of study {run.study}" if run.study else f"run {run.run_id}"
    words += f", fold 1 of {folds}" if folds > 1 else ""
    print(f"run      {words}: {epochs} epochs, seed {then['seed']}", flush=True)
    with quiet_native_stderr():
        from src import dataset, model, training
        from src.augmentation import rescaled
        from src.fold import train
        from src.recording.environment import changed_files, environment
        from src.recording.trial_record import weights_digest
    threads = then.get("threads") if then.get("threads") != cores() else config.training.threads
    config.training = replace(config.training, precision=then.get("precision", config.training.precision))
    training.prepare(config.training.precision, threads)
    data = rescaled(dataset.load(config.dataset, config.seed), config.augmentation.rescale)
    network = model.build(config.model, data.input_shape, len(data.class_names), then["seed"], data.scale, data.offset)
    commit = then.get("code", {}).get("commit")
    now = environment(config, data, then["seed"], threads)
    lines = differences(then, now, changed_files(commit) if commit else None)

    def after_epoch(epoch: int, metrics: dict[str, float], last: bool) -> training.Verdict:
        before = known["val_accuracy"].get(epoch, float("nan"))
        print(f"epoch {epoch}/{epochs}: val_accuracy {metrics['val_accuracy']:.4f}, then {before:.4f}", flush=True)
        return training.Verdict.STOP if epoch >= epochs else training.Verdict.GO_ON

    history = train(config, network, data, then["seed"], after_epoch)
    for i, line in enumerate(lines):
        print(f"{'differs' if i == 0 else '':8} {printable(line)}")
    gap, epoch, metric = largest_difference(known, history.epochs)
    weights = run.tags.get(WEIGHTS) if folds == 1 else None  # the last fold's
    same_length = len(history.epochs) == epochs
    if gap == 0 and same_length and weights in (None, weights_digest(network)):
        print(f"equal    to the bit: {epochs} epochs{', the weights' if weights else ''}")
        return True
    return _judge(known, history.epochs, len(data.validation.images), (gap, epoch, metric), lines)


def _judge(
    known: dict[str, dict[int, float]],
    epochs: list[dict[str, float]],
    images: int,
    gap: tuple[float, int, str],
    lines: list[str],
) -> bool:
    """Say whether a result that is not the same to the bit is equal within noise."""
    before, now = max(known["val_accuracy"].values()), max(metrics["val_accuracy"] for metrics in epochs)
    room, size, where = noise(before, images), abs(now - before), f"{gap[2]} in epoch {gap[1]}"
    said = f"best val_accuracy {before:.4f} then, {now:.4f} now; the largest difference is {gap[0]:.2g}, of {where}"
    why = "" if lines else "; nothing that is recorded differs"
    if size <= room:
        print(f"equal    within noise, not to the bit: {said}{why}")
        print(f"         two models equally good may differ by {room:.4f} on {images} images")
        return True
    print(f"not equal: {said}{why}")
    return False


def _refuse(error: Exception) -> NoReturn:
    sys.exit("\n".join(f"error: {printable(problem)}" for problem in str(error).splitlines()))


if __name__ == "__main__":
    main()
