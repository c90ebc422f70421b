"""Trials, values and times in words."""

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from rich.console import Console

from convsweep.errors import bounded, printable
from convsweep.intervals import Mean
from convsweep.policy.asha import pauses, was_left_paused
from convsweep.policy.work import seconds_of
from convsweep.space.values import as_override_value
from convsweep.study.failure import PLACE
from convsweep.study.feasibility import is_infeasible, kind_of_end, why_infeasible
from convsweep.study.metric_names import given_names
from convsweep.study.spread import values_of

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

WORDS = {
    "COMPLETE": "done",
    "PRUNED": "pruned",
    "INFEASIBLE": "infeasible",
    "FAIL": "failed",
    "PAUSED": "paused",
    "RUNNING": "running",
}


SHOWN = 300  # characters of an error; all of it is with the trial
LARGE = 1000  # a mean from here on is shown without digits after the point


# Lines that are typed or clicked again: they stay in one piece, however narrow the terminal.
COPIED = re.compile(r"\b(python\S*|convsweep|make|mlflow|pip|uv) |://|^(resume|retry|next|go on) ")
INDENT = 9  # columns of the words at the start of a line


def say(console: Console, line: str) -> None:
    """Print one line; what it quotes cannot break it. A terminal's line breaks come between words, a pipe gets none."""
    line = _showable(console, line)
    if console.is_terminal and console.width > 2 * INDENT and not COPIED.search(line):
        line = wrapped(line, console.width)
    console.print(line, highlight=False, markup=False, emoji=False, soft_wrap=True)


def quote(console: Console, text: str) -> None:
    """Print the lines of a text as they are."""
    lines = "\n".join(_showable(console, line) for line in text.splitlines())
    console.print(lines, highlight=False, markup=False, emoji=False, soft_wrap=True)


def _showable(console: Console, line: str) -> str:
    return printable(line).encode(console.encoding, "backslashreplace").decode(console.encoding)


def wrapped(line: str, width: int) -> str:
    """Break a line between words, so that each part fits; a longer word keeps a part of its own."""
    rest = " " * INDENT
    return textwrap.fill(
        line, width, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False, replace_whitespace=False
    )


def fresh_seeds(count: int) -> str:
    """Return how often each of several trials is trained again."""
    return f"{count} fresh seeds each" if count > 1 else "a fresh seed each"


def mean_in_words(mean: Mean) -> str:
    """Return a mean with half of its interval, or the ends of an uneven one; a single run has none, nor equal ones."""
    form = ",.0f" if abs(mean.value) >= LARGE else ".4f"
    if mean.count == 1:
        return f"{mean.value:{form}} (one run)"
    if not mean.has_interval:
        return f"{mean.value:{form}} ({mean.count} runs, all equal)"
    if not mean.is_even:
        return f"{mean.value:{form}} ({mean.low:{form}} to {mean.high:{form}}, {mean.count} runs)"
    return f"{mean.value:{form}} ± {mean.half_width:{form}} ({mean.count} runs)"


def error_in_words(trial: "FrozenTrial") -> str:
    """Return a failed or infeasible trial's reason, as far as it fits a line; empty for any other trial."""
    error = trial.user_attrs.get("error") if trial.state.name == "FAIL" else None
    words = " ".join(str(error).split()) if error else why_infeasible(trial)
    return bounded(printable(words), SHOWN)


def failure_in_words(trial: "FrozenTrial") -> str:
    """Return the reason as `error_in_words` does, and where in the app's code it was, as far as that is known."""
    place = trial.user_attrs.get(PLACE)
    return error_in_words(trial) + (f" ({printable(str(place))})" if place else "")


def kinds_of_failure(trials: "Iterable[FrozenTrial]") -> "list[tuple[str, list[FrozenTrial], str]]":
    """Return each kind of what was infeasible, and of failure: the state, the trials of it, and why, in words.

    Those whose words differ in numbers alone are of one kind, where they came through the same line of the app's code.
    """
    kinds: dict[tuple[str, str, str], list[FrozenTrial]] = {}
    for trial in trials:
        if (state := state_of(trial)) in ("INFEASIBLE", "FAIL"):
            kinds.setdefault((state, kind_of_end(trial), str(trial.user_attrs.get(PLACE) or "")), []).append(trial)
    found = []
    for (state, kind, place), those in kinds.items():
        words = error_in_words(those[0]) or "unknown"
        if state == "FAIL" and len(set(map(error_in_words, those))) > 1:
            words = bounded(kind, SHOWN)
        found.append((state, those, words + (f" ({printable(place)})" if place else "")))
    return sorted(found, key=lambda kind: kind[0] == "FAIL")


def state_of(trial: "FrozenTrial") -> str:
    """Return Optuna's word for a trial's state, or PAUSED or INFEASIBLE for what it has no word for.

    A trial that paused until its study ended is PRUNED to Optuna.
    """
    if is_infeasible(trial):
        return "INFEASIBLE"
    return "PAUSED" if pauses(trial) or was_left_paused(trial) else trial.state.name


def outcome_in_words(trial: "FrozenTrial", names: Sequence[str] = ()) -> str:
    """Return what an ended trial came to: `done 40, breaks size by 30`.

    Args:
        trial: The trial.
        names: The objectives' names, where they are to be told.
    """
    whole = trial.state.name == "COMPLETE"  # one that was trained has its values, also where it is no answer
    word = WORDS["COMPLETE" if whole else state_of(trial)]
    said = [values_in_words(trial, names), failure_in_words(trial)]
    return f"{word:<6} {', '.join(filter(None, said))}"


def where_in_words(trial: "FrozenTrial") -> str:
    """Return how far a trial that has values was trained: `done`, or `paused at step 3`."""
    state = state_of(trial)
    word = {"WAITING": "interrupted", **WORDS}.get(state, state.lower())
    return word if trial.state.name == "COMPLETE" else f"{word} at step {trial.last_step}"


def so_far_in_words(trial: "FrozenTrial", names: Sequence[str]) -> str:
    """Return what the best of the trials that were not trained to their end has come to, and where."""
    values = " ".join(
        f"{printable(name)}={value}" for name, value in zip(names, values_of(trial, len(names)), strict=True)
    )
    searched = f": {params_in_words(trial.params)}" if trial.params else ""
    return f"The furthest so far: {values}, trial {trial.number}, {where_in_words(trial)}{searched}"


def running_in_words(trial: "FrozenTrial") -> str:
    """Return how far a running trial is: its last step and value, and for how long it has run."""
    words = f"trial {trial.number}"
    if trial.last_step is not None:
        words += f" step {trial.last_step}: {trial.intermediate_values[trial.last_step]:.5g}"
    return f"{words}, {timedelta(seconds=round(seconds_of(trial)))}"


def time_left(done: float, open_: float, elapsed: float) -> str | None:
    """Estimate the time left in words, or None before a trial is done or when none is left."""
    if done <= 0 or open_ <= 0:
        return None
    return str(timedelta(seconds=round(elapsed / done * open_)))


def goals_in_words(study: "Study") -> str:
    """Return what a study is after: `maximize val_accuracy and minimize parameters`."""
    names = [f" {printable(name)}" for name in given_names(study)] or [""] * len(study.directions)
    return " and ".join(f"{way.name.lower()}{name}" for way, name in zip(study.directions, names, strict=True))


def values_in_words(trial: "FrozenTrial", names: Sequence[str] = ()) -> str:
    """Return a trial's values, each with its name where names are given."""
    named = [f"{printable(name)}=" for name in names] if len(names) == len(trial.values or []) else []
    return " ".join(f"{name}{value}" for name, value in zip_longest(named, values_of(trial), fillvalue=""))


def params_in_words(params: Mapping[str, Any]) -> str:
    return printable(" ".join(f"{name}={value_in_words(value)}" for name, value in params.items()))


def value_in_words(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else as_override_value(value)


def in_plain_words(value: Any) -> str:
    """Return a value as it is read, not as it is typed: a text without quotes, and without what Hydra would need."""
    if isinstance(value, str):
        return printable(value) if value.strip() else repr(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(in_plain_words, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {in_plain_words(item)}" for key, item in value.items()) + "}"
    return value_in_words(value)


def domain_in_words(text: str) -> str:
    """Return a domain, as `Space.describe` writes it, without what only Hydra needs: `{a b}` for `{a\\ b}`."""
    return printable(re.sub(r"\\(.)", r"\1", text))
