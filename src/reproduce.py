"""Train a recorded run again, and say whether it comes out the same: `python -m src.reproduce study/12`."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any, NoReturn

from convsweep.errors import UserError, printable
from convsweep.sampling import derive_seed
from convsweep.study import find_study
from src.config import Config, ConfigError, read_config
from src.dataset import DatasetError
from src.dataset.cores import cores
from src.deployment import ModelNotFound, find_run
from src.process import as_typed, program, quiet_native_stderr
from src.recording.environment import FILE as ENVIRONMENT
from src.recording.environment import changed_files
from src.recording.reproduction import COMPARED, cause, differences, largest_difference, noise
from src.tracking import FINAL, Lookup, NotHere, Run

STUDIES = Path("multirun")
WEIGHTS = "convsweep.weights"
WHOLE = "train+validation"  # what a final model was trained on that has no validation images left


def main() -> None:
    """Train as the run was trained; exit with 0 if the result is equal, to the bit or within noise, else with 1."""
    parser = argparse.ArgumentParser(prog=program("reproduce"), description=as_typed(__doc__))
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
        if run.is_final:
            raise ModelNotFound(
                f"{run.words} did not record what it stood on: it is an ensemble, or from before that was recorded; "
                f"type one of the trials behind it, e.g. {run.study}{FINAL}/0"
            ) from None
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
    folds = 1 if run.is_final else config.dataset.splits  # which is trained on the first fold alone
    known = _epochs_of(run, lookup, folds)
    if not known:
        raise ModelNotFound(f"run {run.run_id} has no epoch to compare with: it ended before its first one")
    total = sum(len(fold["loss"]) for fold in known)
    print(f"run      {run.words}: {total} epochs, seed {then['seed']}", flush=True)
    with quiet_native_stderr():
        from src.again import train_again, train_final_again
    threads = then.get("threads") if then.get("threads") != cores() else config.training.threads
    config.training = replace(config.training, precision=then.get("precision", config.training.precision))
    if then.get("on") == WHOLE:
        again = train_final_again(config, then["seed"], threads, total)
    else:
        again = train_again(config, then["seed"], threads, known)
    commit = then.get("code", {}).get("commit")
    lines = differences(then, again.environment, changed_files(commit) if commit else None)
    for i, line in enumerate(lines):
        print(f"{'differs' if i == 0 else '':8} {printable(line)}")
    gap = max(map(largest_difference, known, again.epochs))
    weights = run.tags.get(WEIGHTS) if len(known) == folds else None  # those of the last fold
    same_length = [len(fold["loss"]) for fold in known] == list(map(len, again.epochs))
    if gap[0] == 0 and same_length and weights in (None, again.weights):
        print(f"equal    to the bit: {total} epochs{', the weights' if weights else ''}")
        return True
    why = "" if lines else f"; {cause(then)}"
    return _judge(known, again.epochs, again.images, gap, why)


def _epochs_of(run: Run, lookup: Lookup, folds: int) -> list[dict[str, dict[int, float]]]:
    """Return the metrics after each epoch that a run recorded, of each fold that it began."""
    numbers = range(1, folds + 1)
    found = [
        {name: lookup.history(run.run_id, f"fold_{number}/{name}" if folds > 1 else name) for name in COMPARED}
        for number in numbers
    ]
    return [fold for fold in found if fold["loss"]]


def _judge(
    known: list[dict[str, dict[int, float]]],
    epochs: list[list[dict[str, float]]],
    images: int,
    gap: tuple[float, int, str],
    why: str,
) -> bool:
    """Say whether a result that is not the same to the bit is equal within noise."""
    metric = "val_accuracy" if known[0]["val_accuracy"] else "accuracy"
    before = mean(max(fold[metric].values()) for fold in known)
    now = mean(max(metrics[metric] for metrics in fold) for fold in epochs)
    room, size = noise(before, images), abs(now - before)
    where = f"; the largest difference is {gap[0]:.2g}, of {gap[2]} in epoch {gap[1]}" if gap[0] else ""
    said = f"best {metric} {before:.4f} then, {now:.4f} now{where}"
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
