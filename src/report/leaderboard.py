"""A study's trials as words and tables."""

import csv
import html
import io
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

# MLflow's page shows 100 pixels of a description, five lines, and fades them where there is more.
LINES = 5
LETTERS = 150  # of a line, in a window of 1,280 pixels
LONGEST = 60  # letters of a trial's searched values
SPACE = "&emsp;"


class Row(NamedTuple):
    """A trial: its number, its values in words (one a metric), its searched values."""

    number: int
    values: Sequence[str]
    params: Mapping[str, str]


def leaderboard(
    metrics: Sequence[str],
    rows: Sequence[Row],
    counts: Mapping[str, int],
    pages: Mapping[int, str] | None = None,
    links: Mapping[str, str] | None = None,
    said: Sequence[str] = (),
) -> str:
    """Write a study's best trials and what they say side by side, as the description of its run in MLflow.

    Nothing of it is folded away in a window of 1,280 pixels or more: a sentence for which there is no room is left out.

    Args:
        metrics: The objectives' names.
        rows: The best trials, best first.
        counts: How many trials ended in each state.
        pages: The address of each trial's page by its number, as far as it has one.
        links: Of pages to go on to, by what they show.
        said: What the trials say, a line each, the most useful first; what is to be typed stands in backquotes.
    """
    rows, pages = rows[:LINES], pages or {}
    columns = _columns(rows)
    room = LETTERS - sum(max(map(len, column), default=0) + 2 for column in columns)
    ended = ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "no trial"
    first = [f"{ended}, by {html.escape(', '.join(metrics))}"]
    first += [f'<a href="{html.escape(link)}">{html.escape(words)}</a>' for words, link in (links or {}).items()]
    lines, left = [" · ".join(first)], LINES - 1
    for line in said:
        if (needed := math.ceil(len(line) / room)) <= left:
            lines.append(_sentence(line))
            left -= needed
    cells = ["<br>".join(_cells(column, rows, pages, i)) for i, column in enumerate(columns)]
    return "<table><tr>" + "".join(f"<td>{cell}</td>" for cell in [*cells, "<br>".join(lines)]) + "</tr></table>"


def _columns(rows: Sequence[Row]) -> list[list[str]]:
    """Return the trials' numbers, their values (a column a metric), and what was searched, as texts."""
    if not rows:
        return []
    searched = [" ".join(f"{name}={value}" for name, value in row.params.items()) for row in rows]
    shown = [text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…" for text in searched]
    columns = [[str(row.number) for row in rows], *map(list, zip(*(row.values for row in rows), strict=True))]
    return [*columns, shown] if any(shown) else columns


def _cells(column: Sequence[str], rows: Sequence[Row], pages: Mapping[int, str], place: int) -> list[str]:
    """Return a column's texts as HTML that breaks no line, the best trial's bold."""
    found = []
    for text, row in zip(column, rows, strict=True):
        cell = html.escape(text).replace(" ", "&nbsp;").replace("-", "&#8209;")
        if place == 0 and row.number in pages:
            cell = f'<a href="{html.escape(pages[row.number])}">{cell}</a>'
        found.append((f"<b>{cell}</b>" if row is rows[0] else cell) + SPACE)
    return found


def _sentence(line: str) -> str:
    """Return a line as HTML, its first word bold, what stands in backquotes as code."""
    head, _, rest = re.sub(" +", " ", line).partition(" ")
    parts = html.escape(rest, quote=False).split("`")
    return f"<b>{html.escape(head)}</b> " + "".join(
        f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts)
    )


def trials_table(metrics: Sequence[str], trials: Sequence[Mapping[str, Any]]) -> str:
    """Write all trials as CSV.

    Args:
        metrics: The objectives' names.
        trials: `number`, `state`, `values`, `spread`, `params`, `epochs` and `seconds` of each, in the order to be
            shown; `spread` is empty, or a standard deviation between folds for each value.
    """
    names = list(dict.fromkeys(name for trial in trials for name in trial["params"]))
    spreads = [f"{metric}.spread" for metric in metrics] if any(trial["spread"] for trial in trials) else []
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["trial", "state", *metrics, *spreads, *names, "epochs", "seconds"])
    for trial in trials:
        values = _filled(trial["values"], len(metrics))
        searched = [trial["params"].get(name, "") for name in names]
        off = _filled(trial["spread"], len(spreads))
        table.writerow([trial["number"], trial["state"], *values, *off, *searched, trial["epochs"], trial["seconds"]])
    return text.getvalue()


def _filled(values: Sequence[Any], count: int) -> list[Any]:
    return [*values, *[""] * (count - len(values))]
