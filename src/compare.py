"""What differs between configurations, and is one better by more than noise?

    python -m src.compare fashion_mnist digits            the best configurations of two studies
    python -m src.compare fashion_mnist/3 fashion_mnist/7  two trials of one
    python -m src.compare fashion_mnist 0a1b...            a study's best, and a run by its id in MLflow

Values come with 95% intervals (Student's) where a configuration was trained more than once: by python -m src.finalize,
or by '+repeat=range(3)' in the sweep. Runs with the same seeds are compared one by one. Behind the value of a single
k-fold training is the standard deviation over its folds.
"""

import argparse
import math
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from convsweep.display import say, value_in_words
from convsweep.errors import UserError, printable
from convsweep.report import (
    ABSENT,
    Side,
    StudyView,
    Verdict,
    as_csv,
    as_json,
    differing,
    flat,
    open_study,
    side_of,
    verdicts,
)
from convsweep.study import SOURCE
from src.config.objective import OF_NO_IMAGES, bounds, direction
from src.deployment import ModelNotFound, find_run
from src.process import as_typed, program
from src.recording import best_metrics, spread_metrics
from src.tracking import FINAL, NotHere

FOLDER = Path("multirun")
# What decides by which images a model is judged; of the datasets that have no validation part, its split too.
CHOOSE_DATA = (
    "dataset.name", "dataset.path", "dataset.load", "dataset.folds", "dataset.file_column", "dataset.label_column",
    "dataset.split_column",
)  # fmt: skip
CHOOSE_SPLIT = ("dataset.limit", "dataset.validation_fraction", "dataset.test_fraction")
BUILT_IN = ("digits", "mnist", "fashion_mnist", "cifar10", "cifar100")
RUN_ID = re.compile("[0-9a-f]{32}")


def main() -> None:
    """Print a column a configuration."""
    parser = argparse.ArgumentParser(
        prog=program("compare"), description=as_typed(__doc__), formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sides", nargs="+", metavar="STUDY|STUDY/TRIAL|RUN", help="two or more configurations")
    parser.add_argument("--storage", help="as in hydra.sweeper.storage, for studies that do not use a journal")
    parser.add_argument("--uri", help="as in tracking.uri, where runs are not where they usually are")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="all of it as JSON")
    form.add_argument("--csv", action="store_true", help="a row a key and a metric as CSV")
    arguments = parser.parse_intermixed_args()
    if len(arguments.sides) < 2:
        parser.error("name two configurations or more")
    sides, problems = [], []
    for name in arguments.sides:
        try:
            side = _side(name, arguments.storage, arguments.uri)
            sides.append(replace(side, bounds={metric: bounds(metric) for metric in side.values}))
        except UserError as error:
            problems += error.problems
    if problems:
        sys.exit("\n".join(f"error: {printable(problem)}" for problem in problems))
    if arguments.json:
        print(as_json(_data(sides)))
    elif arguments.csv:
        sys.stdout.write(as_csv(_rows(sides)))
    else:
        _show(sides, Console())


def _side(name: str, storage: str | None, uri: str | None) -> Side:
    """Return what a name stands for: a study, a trial of one, or a run of MLflow's.

    Raises:
        UserError: There is no such thing.
    """
    head, slash, tail = name.rstrip("/").rpartition("/")
    if slash and tail.removeprefix("trial-").isdigit():
        study = open_study(head, FOLDER, storage)
        return side_of(study, name, int(tail.removeprefix("trial-")), _again(study, storage))
    try:
        study = open_study(name, FOLDER, storage)
        return side_of(study, name, None, _again(study, storage))
    except UserError:
        if not RUN_ID.fullmatch(name):
            raise
    return _run(name, uri)


def _again(study: StudyView, storage: str | None) -> StudyView | None:
    """Return the study in which python -m src.finalize trained the best of a study again."""
    try:
        again = open_study(f"{study.name}{FINAL}", study.directory.parent, storage)
    except UserError:
        return None
    return again if again.study.user_attrs.get(SOURCE) == study.name else None


def _run(run_id: str, uri: str | None) -> Side:
    import yaml

    try:
        run, lookup = find_run(run_id, uri)
        config = yaml.safe_load(lookup.fetch(run.artifacts, "config.yaml").read_text())
    except (ModelNotFound, NotHere) as error:
        raise UserError(str(error)) from error
    values = {name: {(): value} for name, value in best_metrics(run.metrics).items() if direction(name) is not None}
    maximize = {name: direction(name) == "maximize" for name in values}
    seconds, spread = best_metrics(run.metrics).get("fit_seconds"), spread_metrics(run.metrics)
    return Side(run_id, flat(config), values, maximize, seconds, run.trial, spread)


def _show(sides: Sequence[Side], console: Console) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold", title="what differs", title_justify="left")
    table.add_column("", overflow="fold")
    for side in sides:
        trial = f" (trial {side.trial})" if side.trial is not None and "/" not in side.name else ""
        table.add_column(escape(printable(side.name + trial)), overflow="fold")
    found = differing(sides)
    for key, values in found.items():
        table.add_row(escape(printable(key)), *(escape(printable(_words(value))) for value in values))
    if not found:
        table.add_row("nothing", *[""] * len(sides))
    table.add_section()
    for metric in _metrics(sides):
        table.add_row(escape(printable(metric)), *(_mean(side, metric) for side in sides))
    table.add_row("seconds", *("-" if side.seconds is None else f"{side.seconds:.1f}" for side in sides))
    console.print(table)
    for verdict in verdicts(sides, judged_apart):
        say(console, f"verdict  {_verdict(verdict)}")


def _verdict(verdict: Verdict) -> str:
    difference = verdict.difference
    amount = f"{verdict.metric} of {verdict.one} is {abs(difference.value):.4g} " + (
        "higher" if difference.value > 0 else "lower"
    )
    amount = f"{amount} than that of {verdict.other}" if difference.value else f"{verdict.metric}: no difference"
    if verdict.apart:
        how = ", ".join(f"{key} {_words(one)} and {_words(other)}" for key, (one, other) in verdict.apart.items())
        return f"{amount}: they were judged by other images ({how}), so that it does not say which is better"
    if not verdict.told:
        return f"{amount}: whether that is more than noise is not known, train both again: {program('finalize')} STUDY"
    ends = f"p={difference.p_value:.2g}"
    ends = f"95% interval {difference.low:.4g} to {difference.high:.4g}, {ends}" if difference.has_ends else ends
    how = "paired by seed" if difference.paired else "Welch's test"
    if not verdict.real:
        return f"{amount}: within noise ({ends}, {how})"
    better = f"; {verdict.better} is better" if verdict.better else ""
    return f"{amount}: more than noise ({ends}, {how}){better}"


def judged_apart(metric: str, one: Side, other: Side) -> dict[str, tuple[Any, Any]]:
    """Return by which settings two sides were judged by other images; nothing where a metric is of no images.

    One's own data may have a validation part of its own: then its limit, fraction and seed do not choose it.
    """
    if metric in OF_NO_IMAGES:
        return {}
    name, another = one.config.get("dataset.name"), other.config.get("dataset.name")
    keys = ["dataset.name"] if None not in (name, another) and name != another else list(CHOOSE_DATA)
    if name in BUILT_IN and name == another:
        keys = ["dataset.folds", *CHOOSE_SPLIT]
        if not any(key and isinstance(key, tuple) for side in (one, other) for key in side.values[metric]):
            keys.append("seed")  # else each run has its own
    given, others = ({key: side.config[key] for key in keys if key in side.config} for side in (one, other))
    found = {key: (value, others[key]) for key, value in given.items() if key in others}
    if "dataset.load" in keys:
        given, others = _load(one.config), _load(other.config)
        found |= {key: (given.get(key, ABSENT), others.get(key, ABSENT)) for key in {**given, **others}}
    return {key: both for key, both in found.items() if _plain(key, both[0]) != _plain(key, both[1])}


def _load(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the function that loads the images, under `dataset.load` in either way to write it, and its arguments."""
    found = {key: value for key, value in config.items() if f"{key}.".startswith("dataset.load.")}
    return {"dataset.load": found.pop("dataset.load._target_", None)} | found if found else {}


def _plain(key: str, value: Any) -> Any:
    """Return a setting so that those which mean the same are equal."""
    if key == "dataset.folds":
        return value or 1
    return os.path.realpath(os.path.expanduser(value)) if key == "dataset.path" and value else value


def _mean(side: Side, metric: str) -> str:
    mean = side.mean(metric)
    if mean is None and (reached := side.reached.get(metric)) is not None:
        return f"{reached.value:.5g} (at step {reached.step}, {reached.state})"
    if mean is None:
        return "-"
    if mean.count > 1:
        if not mean.has_interval:
            return f"{mean.value:.5g} ({mean.count} runs, all equal)"
        if not mean.is_even:
            return f"{mean.value:.5g} ({mean.low:.5g} to {mean.high:.5g}, {mean.count} runs)"
        return f"{mean.value:.5g} ± {mean.half_width:.2g} ({mean.count} runs)"
    off = side.spread.get(metric)
    return f"{mean.value:.5g}" if off is None else f"{mean.value:.5g} ± {off:.2g} (over folds)"


def _metrics(sides: Sequence[Side]) -> list[str]:
    return list(dict.fromkeys(metric for side in sides for metric in (*side.values, *side.reached)))


def _words(value: Any) -> str:
    return str(value) if value is ABSENT else value_in_words(value)


def _rows(sides: Sequence[Side]) -> list[dict[str, Any]]:
    """Return a row a key that differs, and for each metric a row with the means, the intervals' ends and the counts."""
    found: list[dict[str, Any]] = []
    for key, values in differing(sides).items():
        found.append({"key": key} | {side.name: _words(value) for side, value in zip(sides, values, strict=True)})
    for metric in _metrics(sides):
        means = {side.name: side.mean(metric) for side in sides}
        for part in ("value", "low", "high", "count"):
            name = metric if part == "value" else f"{metric}.{part}"
            cells = {side: None if mean is None else _finite(getattr(mean, part)) for side, mean in means.items()}
            found.append({"key": name} | cells)
        if any(metric in side.reached for side in sides):
            for part in ("value", "step", "state"):
                last = {side.name: getattr(side.reached.get(metric), part, None) for side in sides}
                found.append({"key": f"{metric}.reached_{part}"} | last)
        if any(metric in side.spread for side in sides):
            found.append({"key": f"{metric}.spread"} | {side.name: side.spread.get(metric) for side in sides})
    return found


def _data(sides: Sequence[Side]) -> dict[str, Any]:
    def mean_data(side: Side, metric: str) -> dict[str, Any] | None:
        mean = side.mean(metric)
        if mean is None:
            return None
        return {
            "mean": mean.value, "low": mean.low, "high": mean.high, "runs": mean.count,
            "values": list(side.values[metric].values()), "spread": side.spread.get(metric),
        }  # fmt: skip

    return {
        "sides": [
            {
                "name": side.name,
                "trial": side.trial,
                "seconds": side.seconds,
                "config": dict(side.config),
                "values": {metric: mean_data(side, metric) for metric in _metrics(sides)},
                "reached": {metric: reached._asdict() for metric, reached in side.reached.items()},
            }
            for side in sides
        ],
        "differs": {
            key: {side.name: None if value is ABSENT else value for side, value in zip(sides, values, strict=True)}
            for key, values in differing(sides).items()
        },
        "verdicts": [
            {
                "metric": one.metric,
                "one": one.one,
                "other": one.other,
                "difference": one.difference.value,
                "low": one.difference.low,
                "high": one.difference.high,
                "p_value": one.difference.p_value if one.told else None,
                "more_than_noise": one.real if one.told else None,
                "better": one.better,
                "judged_apart": {
                    key: [None if value is ABSENT else value for value in values] for key, values in one.apart.items()
                },
            }
            for one in verdicts(sides, judged_apart)
        ],
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


if __name__ == "__main__":
    main()
