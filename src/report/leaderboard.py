"""A study's trials as words and tables."""

import csv
import html
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

PAD = "&emsp;"  # MLflow's page puts the columns of a table side by side without any space


class Row(NamedTuple):
    """A trial: its number, its values (one a metric), its searched values."""

    number: int
    values: Sequence[float]
    params: Mapping[str, str]


def leaderboard(
    metrics: Sequence[str],
    rows: Sequence[Row],
    counts: Mapping[str, int],
    command: str,
    pages: Mapping[int, str] | None = None,
    links: Mapping[str, str] | None = None,
    said: Sequence[str] = (),
    more: str = "",
) -> str:
    """Write a study's best trials as Markdown, the description of its parent run.

    The page folds it after some lines: the best trial is the first.

    Args:
        metrics: The objectives' names.
        rows: The best trials, best first.
        counts: How many trials ended in each state.
        command: What was typed.
        pages: The address of each trial's page by its number, as far as it has one.
        links: Of pages to go on to, by what they show.
        said: What the trials say, a line each: it stands where the page does not fold it away.
        more: The same in full, as Markdown.
    """
    lines, pages = [], pages or {}
    if rows:
        best = rows[0]
        values = ", ".join(f"{name} {value:.5g}" for name, value in zip(metrics, best.values, strict=True))
        params = " ".join(f"{name}={value}" for name, value in best.params.items())
        lines.append(f"**{values}**, trial {_linked(best.number, pages)}: `{params or 'nothing searched'}`  ")
    ended = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    lines += [ended + "".join(f" · [{words}]({link})" for words, link in (links or {}).items()) + "  "]
    lines += [*(re.sub(r"^(\w+) +", r"**\1** ", html.escape(line, quote=False)) + "  " for line in said), ""]
    if rows:
        names = _searched(rows)
        lines.append(_line(["trial", *metrics, *names]))
        lines.append("| ---: |" + " ---: |" * len(metrics) + " --- |" * len(names))
        for number, values, params in rows:
            lines.append(
                _line(
                    [_linked(number, pages), *(f"{value:.5g}" for value in values), *(params.get(n, "") for n in names)]
                )
            )
    return "\n".join([*lines, "", more, "", "```", command, "```"])


def trials_table(metrics: Sequence[str], trials: Sequence[Mapping[str, Any]]) -> str:
    """Write all trials as CSV.

    Args:
        metrics: The objectives' names.
        trials: `number`, `state`, `values`, `params`, `epochs` and `seconds` of each, in the order to be shown.
    """
    names = list(dict.fromkeys(name for trial in trials for name in trial["params"]))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["trial", "state", *metrics, *names, "epochs", "seconds"])
    for trial in trials:
        values = [*trial["values"], *[""] * (len(metrics) - len(trial["values"]))]
        searched = [trial["params"].get(name, "") for name in names]
        table.writerow([trial["number"], trial["state"], *values, *searched, trial["epochs"], trial["seconds"]])
    return text.getvalue()


def _linked(number: int, pages: Mapping[int, str]) -> str:
    return f"[{number}]({pages[number]})" if number in pages else str(number)


def _searched(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row.params))


def _line(cells: Sequence[str]) -> str:
    escaped = [cell.replace("|", "\\|") for cell in cells]
    return "| " + " | ".join(f"{PAD}{cell}{PAD}" for cell in escaped) + " |"
