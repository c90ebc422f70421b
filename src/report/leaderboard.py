"""A study's trials as words and tables."""

import csv
import html
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

# MLflow's page shows 100 pixels of a description, five lines, and fades them where there is more. In a window of 1,280
# pixels a line has room for so many letters.
LINES, LETTERS = 5, 86
KEYS = 3  # of a trial's searched values, at most
SAID = 2  # sentences for which there should be room, if need be with fewer values
LONGEST = 24  # letters of a value
SPACE = "&emsp;"
JOINER = "\u2060"  # of words: no line breaks there


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
    """Write a study's five best trials, and what all of them say beside those, as the description of its run in MLflow.

    All of it is seen without a click: of the searched keys the first few are shown, and a sentence for which there is
    no room is left out.

    Args:
        metrics: The objectives' names.
        rows: The best trials, best first; their keys in the order in which they are wanted.
        counts: How many trials ended in each state.
        pages: The address of each trial's page by its number, as far as it has one.
        links: Of pages to go on to, by what they show.
        said: What the trials say, a line each, the most useful first.
    """
    rows, pages, links = rows[:LINES], pages or {}, links or {}
    if not rows:
        first = f"no trial is the best by {html.escape(', '.join(metrics))}"
        return f"<div>{first}</div>{_table([], _words(counts, links, said, LETTERS))}"
    keys = _keys(rows[0], LETTERS - len(_values(metrics, rows[0])) - 12)
    found: list[tuple[list[list[str]], list[str]]] = []
    for count in range(len(keys), -1, -1):
        columns = _columns(rows[1:], keys[:count], len(metrics)) if len(rows) > 1 else []
        room = LETTERS - sum(max(map(len, column)) + 2 for column in columns)
        found.append((columns, _words(counts, links, said, room)))
    columns, words = max(found, key=lambda one: min(len(list(filter(None, one[1]))), 1 + SAID))
    shown = [
        _column(column, [pages.get(row.number) for row in rows[1:]] if i == 0 else [])
        for i, column in enumerate(columns)
    ]
    return f"<div>{_best(metrics, rows[0], keys, pages)}</div>{_table(shown, words)}"


def _table(cells: Sequence[str], words: Sequence[str]) -> str:
    last = "<br>".join(line or "&nbsp;" for line in words)
    return "<table><tr>" + "".join(f"<td>{cell}</td>" for cell in [*cells, last]) + "</tr></table>"


def _columns(rows: Sequence[Row], keys: Sequence[str], metrics: int) -> list[list[str]]:
    """Return the trials' numbers, values and searched values as texts."""
    return [
        [str(row.number) for row in rows],
        *([row.values[i] for row in rows] for i in range(metrics)),
        *([_cut(row.params.get(key, "-")) for row in rows] for key in keys),
    ]


def _values(metrics: Sequence[str], row: Row) -> str:
    return ", ".join(f"{name} {value}" for name, value in zip(metrics, row.values, strict=True))


def _best(metrics: Sequence[str], row: Row, keys: Sequence[str], pages: Mapping[int, str]) -> str:
    searched = " ".join(f"{key}={_cut(row.params[key])}" for key in keys)
    number = _linked(str(row.number), pages.get(row.number))
    return f"<b>{html.escape(_values(metrics, row))}</b>, trial {number}: {html.escape(searched or 'nothing searched')}"


def _keys(best: Row, room: int) -> list[str]:
    """Return the keys whose values are shown: the first few, as far as those of the best trial fit into a line."""
    keys: list[str] = []
    for key, value in best.params.items():
        room -= len(key) + len(_cut(value)) + 2
        if room < 0 or len(keys) == KEYS:
            break
        keys.append(key)
    return keys


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _column(texts: Sequence[str], links: Sequence[str | None] = ()) -> str:
    """Return texts below each other, each in a line that nothing breaks."""
    return "<br>".join(
        _linked(text, link) + SPACE for text, link in zip(texts, links or [None] * len(texts), strict=True)
    )


def _linked(text: str, link: str | None) -> str:
    glued = re.sub(r"[-/?|!}\])]|[^\x00-\x7f]", r"\g<0>" + JOINER, text)  # behind these a line may break
    shown = html.escape(glued).replace(" ", "&nbsp;")
    return shown if link is None else f'<a href="{html.escape(link)}">{shown}</a>'


def _words(counts: Mapping[str, int], links: Mapping[str, str], said: Sequence[str], room: int) -> list[str]:
    """Return the lines beside the trials: how they ended with links, then the sentences that there is room for."""
    ended = ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "no trial"
    first = [ended, *(f'<a href="{html.escape(link)}">{html.escape(words)}</a>' for words, link in links.items())]
    lines, left = [" · ".join(first)], LINES - 1
    left -= _lines(" · ".join([ended, *links]), room)
    for line in (re.sub(" +", " ", one.replace("`", "")) for one in said):  # code is a quarter wider
        if (needed := _lines(line, room)) <= left:
            lines.append(_sentence(line))
            left -= needed
    return lines + [""] * max(0, left)


def _lines(text: str, room: int) -> int:
    """Return how many lines a text takes, which breaks between words, or within one that is longer than a line."""
    lines, used = 1, 0
    for word in text.split():
        if used and used + 1 + len(word) > room:
            lines, used = lines + 1, 0
        lines += len(word) // room
        used += 1 + len(word) % room
    return lines


def _sentence(line: str) -> str:
    """Return a line as HTML, its first word bold."""
    head, _, rest = line.partition(" ")
    return f"<b>{html.escape(head)}</b> {html.escape(rest, quote=False)}"


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
