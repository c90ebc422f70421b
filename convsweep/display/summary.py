"""What a sweep leaves: `optimization_results.yaml`, and the last lines in the terminal."""

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from convsweep.display.words import (
    WORDS,
    in_plain_words,
    kinds_of_failure,
    mean_in_words,
    params_in_words,
    say,
    state_of,
    where_in_words,
)
from convsweep.errors import printable
from convsweep.policy.repeats import is_repeat
from convsweep.policy.work import seconds_of

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

    from convsweep.insight import Findings
from convsweep.study.key_names import shortened
from convsweep.study.metric_names import metric_names
from convsweep.study.ranking import ranked, unfinished
from convsweep.study.repeats import repeated
from convsweep.study.spread import values_of

TOP = 5
KINDS = 20  # of failures are shown at most


def write_results(study: "Study", directory: Path) -> Path:
    """Write `optimization_results.yaml` with the official Optuna sweeper's keys, and the best trial's number."""
    best = ranked(study)
    if len(study.directions) > 1:
        solutions = [{"params": dict(t.params), "values": list(t.values), "trial": t.number} for t in best]
        results: dict[str, Any] = {"name": "convsweep", "solutions": solutions}
    elif best:
        top = best[0]
        results = {
            "name": "convsweep",
            "best_params": dict(top.params),
            "best_value": top.value,
            "best_trial": top.number,
        }
        if again := repeated(study):
            mean = again[0].mean
            interval = [mean.low, mean.high] if mean.has_interval else None
            confirmed = {"trial": again[0].number, "mean": mean.value, "interval": interval, "runs": mean.count}
            results["confirmed"] = confirmed
    else:
        results = {"name": "convsweep", "best_params": {}, "best_value": None, "best_trial": None}
    path = directory / "optimization_results.yaml"
    # Renamed in one step: a reader, or a full disk, never leaves half of it.
    partial = path.with_suffix(".partial")
    partial.write_text(OmegaConf.to_yaml(OmegaConf.create(results)), encoding="utf-8")
    os.replace(partial, path)
    return path


def show_summary(study: "Study", directory: Path, findings: "Findings", console: Console) -> None:
    """Print the counts, the best trials as a table, each kind of failure with the trial to look at, what mattered."""
    trials = study.get_trials(deepcopy=False)
    counts = Counter(state for trial in trials if (state := state_of(trial)) in WORDS and state != "RUNNING")
    ended = ["no trial ended"] if not any(trial.state.is_finished() for trial in trials) else []
    say(console, ", ".join(ended + [f"{counts[state]} {word}" for state, word in WORDS.items() if counts[state]]))
    show_best(study, console)
    show_confirmed(study, console)
    show_failures(study, console)
    if not all(map(is_repeat, trials)):  # what was not searched teaches nothing
        show_findings(findings, console)
    say(console, f"results  {os.path.relpath(directory / 'optimization_results.yaml')}")


def show_best(study: "Study", console: Console) -> None:
    """Print the best trials as a table; until one has been trained to its end, those that got furthest."""
    best = ranked(study)[:TOP]
    if best:
        console.print(_table(best, metric_names(study), console))
    elif so_far := unfinished(study)[:TOP]:
        console.print(_table(so_far, metric_names(study), console, whole=False))


def show_confirmed(study: "Study", console: Console) -> None:
    """Print the mean of each configuration that was trained again, with its 95% interval, the chosen one first.

    A study that has no other trials has been asked for by somebody who shows them.
    """
    first = [trial for trial in study.get_trials(deepcopy=False) if trial.values and not is_repeat(trial)]
    known = {trial.number: f", {trial.values[0]:.4f} before" for trial in first}
    for one in repeated(study) if known and len(study.directions) == 1 else ():
        before = known.get(one.number, "")
        say(console, f"confirmed trial {one.number}: {mean_in_words(one.mean)}{before}")


def show_failures(study: "Study", console: Console) -> None:
    """Print each kind of failure, and of what was infeasible, with the trial to look at."""
    kinds = kinds_of_failure(study.get_trials(deepcopy=False))
    for state in ("INFEASIBLE", "FAIL"):
        those = [(trials, words) for which, trials, words in kinds if which == state]
        word = f"{WORDS[state]:<8}"
        for trials, words in those[:KINDS]:
            which = f"trial {trials[0].number}" + (f" and {len(trials) - 1} more" if trials[1:] else "")
            say(console, f"{word} {which}: {words}")
        if more := sum(len(trials) for trials, _ in those[KINDS:]):
            say(console, f"{word} {more} more")


def show_findings(findings: "Findings", console: Console) -> None:
    """Print which keys mattered, and advice that can be typed."""
    from convsweep.insight import as_lines  # which needs NumPy: not on the way to a mistake in the command

    for line in as_lines(findings):
        say(console, line)


def _table(trials: list["FrozenTrial"], metrics: list[str], console: Console, whole: bool = True) -> Table:
    """Give each searched key a column of its own where the terminal is wide enough, else all of them one.

    `whole`: All of the trials were trained to their end.
    """
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    wide = _empty_table(metrics, [escape(printable(name)) for name in shortened(names).values()], whole)
    narrow = _empty_table(metrics, ["searched values"], whole)
    for trial in trials:
        seconds = f"{seconds_of(trial):.1f}"
        known = [str(trial.number), *values_of(trial, len(metrics)), seconds]
        known += [] if whole else [where_in_words(trial)]
        wide.add_row(*known, *(escape(in_plain_words(trial.params[n])) if n in trial.params else "" for n in names))
        narrow.add_row(*known, escape(params_in_words(trial.params)))
    unbounded = console.options.update(width=10_000)  # else it says that everything fits
    return wide if Measurement.get(console, unbounded, wide).maximum <= console.width else narrow


def _empty_table(metrics: list[str], columns: list[str], whole: bool) -> Table:
    title = "best trials" if len(metrics) == 1 else "Pareto front, its first trials"
    title = title if whole else "best so far, none trained to its end"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in ("trial", *(escape(printable(metric)) for metric in metrics), "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in columns if whole else ["state", *columns]:
        table.add_column(name, overflow="fold")
    return table
