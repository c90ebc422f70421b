"""What a sweep leaves: `optimization_results.yaml`, and the last lines in the terminal."""

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ._progress import WORDS, _short, values_in_words

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

TOP = 5


def ranked(study: "Study") -> list["FrozenTrial"]:
    """Return the complete trials, best first: by the objective, or with several the Pareto front by number."""
    from optuna.study import StudyDirection
    from optuna.trial import TrialState

    if len(study.directions) > 1:
        return sorted(study.best_trials, key=lambda trial: trial.number)
    sign = -1 if study.direction == StudyDirection.MAXIMIZE else 1
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return sorted(complete, key=lambda trial: (sign * (trial.value or 0.0), trial.number))


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
    else:
        results = {"name": "convsweep", "best_params": {}, "best_value": None, "best_trial": None}
    path = directory / "optimization_results.yaml"
    # Renamed in one step: a reader, or a full disk, never leaves half of it.
    partial = path.with_suffix(".partial")
    partial.write_text(OmegaConf.to_yaml(OmegaConf.create(results)), encoding="utf-8")
    os.replace(partial, path)
    return path


def show_summary(study: "Study", directory: Path, console: Console) -> None:
    """Print the counts, the best trials as a table, and each kind of failure with the trial to look at."""
    trials = study.get_trials(deepcopy=False)
    counts = Counter(trial.state.name for trial in trials if trial.state.is_finished())
    console.print(", ".join(f"{counts[state]} {word}" for state, word in WORDS.items() if counts[state]))
    best = ranked(study)[:TOP]
    if best:
        console.print(_table(best, [d.name.lower() for d in study.directions]))
    failures: dict[str, list[int]] = {}
    for trial in trials:
        if trial.state.name == "FAIL":
            failures.setdefault(trial.user_attrs.get("error", "unknown"), []).append(trial.number)
    for error, numbers in failures.items():
        which = f"trial {numbers[0]}" + (f" and {len(numbers) - 1} more" if len(numbers) > 1 else "")
        console.print(f"[red]failed[/red]   {which}: {escape(error)}", highlight=False, soft_wrap=True)
    console.print(
        f"results  {os.path.relpath(directory / 'optimization_results.yaml')}", highlight=False, soft_wrap=True
    )


def _table(trials: list["FrozenTrial"], directions: list[str]) -> Table:
    title = "best trials" if len(directions) == 1 else "Pareto front, its first trials"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("trial", justify="right")
    table.add_column("value" if len(directions) == 1 else "values", justify="right")
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    for name in names:
        table.add_column(name)
    table.add_column("seconds", justify="right")
    for trial in trials:
        params = [_short(trial.params[name]) if name in trial.params else "" for name in names]
        seconds = f"{trial.duration.total_seconds():.1f}" if trial.duration else ""
        table.add_row(str(trial.number), values_in_words(trial), *map(escape, params), seconds)
    return table
