"""A study's report: one HTML file with everything in it, which asks nobody for anything.

All that is a name, a value or an error of the user's is escaped; a policy in the page lets no script run but its own.
"""

import base64
import html
import os
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from convsweep.display.words import (
    WORDS,
    domain_in_words,
    goals_in_words,
    in_plain_words,
    kinds_of_failure,
    params_in_words,
    so_far_in_words,
    state_of,
    where_in_words,
)
from convsweep.errors import bounded, printable
from convsweep.insight import Findings, look_back
from convsweep.insight.words import how_sure
from convsweep.policy.work import seconds_of
from convsweep.report.far import far_from_others
from convsweep.report.figures import LINES, POINTS, figures
from convsweep.report.optional import needed
from convsweep.report.points import points_of
from convsweep.study.identity import IDENTITY
from convsweep.study.metric_names import metric_names
from convsweep.study.ranking import ranked, unfinished
from convsweep.study.spread import values_of

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

HERE = Path(__file__).parent
LEADERS = 10
KINDS = 20  # of failures
LONGEST, CELL = 2000, 120  # characters of a text, and of a searched value in a table

# What each figure shows, in the order of the page; a figure of several objectives or keys has its name behind a slash.
TITLES = {
    "history": (
        "History",
        "The value of each trial; of one that paused or was stopped, the last one. The line of a single objective is "
        "the best so far.",
    ),
    "pareto": (
        "Pareto front",
        "No trial is better in all objectives than one of the front, of those that were trained to the end.",
    ),
    "importance": (
        "What mattered",
        "How much of being among the best trials each searched key explains (Optuna's PED-ANOVA); the lines are 90% "
        "intervals from resampled trials. Grey: may be chance.",
    ),
    "slice": (
        "Each searched key",
        "The value of each trial by one key; the later a trial, the brighter its colour. Grey: paused or stopped, with "
        "its last value (filled), or infeasible (open).",
    ),
    "contour": (
        "The two most important keys",
        "The colour is the value of trials that were trained to the end. Where both keys have few values, a cell "
        "has the mean of its trials; where both are numbers, what lies between trials is interpolated.",
    ),
    "parallel": (
        "Configurations",
        "A line is a trial; the first axis is its value. Dotted: paused or stopped, with its last value. Grey: "
        "infeasible.",
    ),
    "curves": (
        "Curves",
        "What each trial reported by step; a cross is where it paused or was stopped, dotted lines are rungs.",
    ),
    "timeline": ("Workers", "Who ran which trial when; of one that paused, the last part."),
}


@dataclass(frozen=True)
class Exhibit:
    """Something that was made of a trial or a study: a picture as PNG, a table with its head, or both."""

    title: str
    picture: bytes | None = None
    table: Sequence[Sequence[str]] = ()


def write_report(
    study: "Study", file: Path, exhibits: Sequence[Exhibit] = (), findings: Findings | None = None, note: str = ""
) -> None:
    """Write a study's report.

    Args:
        study: The study, in any state.
        file: Where to; written as a whole, or not at all.
        exhibits: Pictures and tables that are to be in it.
        findings: What the study says, where that is known already.
        note: What is to be said of the exhibits, or why there are none.

    Raises:
        UserError: Plotly is not installed.
        OSError: The file cannot be written.
    """
    text = report(study, exhibits, findings, note)
    partial = file.with_name(f".{file.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)


def report(study: "Study", exhibits: Sequence[Exhibit] = (), findings: Findings | None = None, note: str = "") -> str:
    """Return a study's report as HTML."""
    plotly = needed("plotly.offline", "the report")
    findings = findings or look_back(study)
    sections = _figures(figures(study, findings))
    trials = study.get_trials(deepcopy=False)
    page = Template((HERE / "page.html").read_text(encoding="utf-8"))
    return page.substitute(
        title=_escaped(study.study_name),
        nonce=secrets.token_hex(16),
        style=(HERE / "page.css").read_text(encoding="utf-8"),
        script=(HERE / "page.js").read_text(encoding="utf-8"),
        plotly=plotly.get_plotlyjs() if sections else "",
        summary=_summary(study, trials, findings),
        best=_best(study),
        figures=sections or "<p>No trial has a value yet: there is nothing to draw.</p>",
        note=_note(study, trials),
        exhibits=_exhibits(exhibits, note),
        failures=_failures(trials),
        settings=_settings(study),
    )


def _summary(study: "Study", trials: "Sequence[FrozenTrial]", findings: Findings) -> str:
    counts = Counter(map(state_of, trials))
    words = {"WAITING": "waiting", **WORDS}
    states = ", ".join(f"{counts[state]} {word}" for state, word in words.items() if counts[state]) or "no trial yet"
    seconds = sum(map(seconds_of, trials))
    spent = f"; {timedelta(seconds=round(seconds))} of training" if seconds else ""
    lines = [f"<p>{_escaped(goals_in_words(study))}: {states}{spent}.</p>"]
    best = ranked(study)
    if best:
        lines.append(f'<p class="answer">{_answer(best, metric_names(study))}</p>')
    elif trials:
        lines.append("<p>No trial was trained to its end and kept all limits: there is no best one.</p>")
        lines += [f"<p>{_escaped(so_far_in_words(trial, metric_names(study)))}</p>" for trial in unfinished(study)[:1]]
    for metric, importances in findings.importances.items():
        words = [
            f"<code>{_escaped(one.key)}</code> {one.share:.0%} ({one.low:.0%} to {one.high:.0%}, {how_sure(one)})"
            for one in importances[:3]
        ]
        which = f" for {_escaped(metric)}" if len(findings.importances) > 1 else ""
        if words:
            lines.append(f"<p>Mattered most{which}: {'; '.join(words)}.</p>")
    if findings.advice:
        lines.append("<ul>" + "".join(f"<li>{_sentence(one.text)}</li>" for one in findings.advice) + "</ul>")
    return "\n".join(lines)


def _answer(best: "Sequence[FrozenTrial]", names: Sequence[str]) -> str:
    """Return the best trial's value and configuration, of several objectives how far the front reaches."""
    if len(names) == 1 or len(best) == 1:
        values = ", ".join(f"{_escaped(name)} {value}" for name, value in zip(names, values_of(best[0]), strict=True))
        params = _escaped(bounded(params_in_words(best[0].params), LONGEST)) or "nothing searched"
        return f"<strong>{values}</strong> Trial {best[0].number}: <code>{params}</code>"
    reached = []
    for i, name in enumerate(names):
        low, high = (values_of(pick(best, key=lambda trial: trial.values[i]))[i] for pick in (min, max))
        reached.append(f"{_escaped(name)} {low}" + (f" to {high}" if high != low else ""))
    return f"<strong>{len(best)} on the Pareto front</strong>: {', '.join(reached)}"


def _best(study: "Study") -> str:
    """Return the best trials as a table, behind those that were trained to their end the others."""
    names, whole = metric_names(study), ranked(study)
    best = [*whole, *unfinished(study)][:LEADERS]
    if not best:
        return ""
    keys = list(dict.fromkeys(key for trial in best for key in trial.params))
    states = len(whole) < len(best)
    head = ["trial", *names, *(["state"] if states else []), "seconds", *keys]
    rows = [
        [
            str(trial.number),
            *values_of(trial, len(names)),
            *([where_in_words(trial)] if states else []),
            f"{seconds_of(trial):.1f}",
            *(bounded(in_plain_words(trial.params[key]), CELL) if key in trial.params else "" for key in keys),
        ]
        for trial in best
    ]
    title = "The best trials" if len(names) == 1 or not whole else "The Pareto front"
    if len(names) > 1 and whole and states:
        title += ", and what was not trained to its end"
    words = "<p>Behind those that were trained to their end the others, those first that got furthest.</p>"
    return f"<section><h2>{title}</h2>{words if states else ''}{_table(head, rows)}</section>"


def _figures(found: Mapping[str, Any]) -> str:
    sections = []
    for kind, (title, words) in TITLES.items():
        drawn = {name: figure for name, figure in found.items() if name.partition("/")[0] == kind}
        if not drawn:
            continue
        boxes = []
        for figure in drawn.values():
            # A script element ends at `</script`, wherever that stands.
            text = figure.to_json().replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
            height = figure.layout.height or (320 if len(drawn) > 1 else 440)
            data = f'<script type="application/json">{text}</script>'
            boxes.append(f'<div class="figure" style="height:{int(height)}px">{data}</div>')
        grid = "grid" if len(drawn) > 1 else "single"
        sections.append(f'<section><h2>{title}</h2><p>{words}</p><div class="{grid}">{"".join(boxes)}</div></section>')
    return "\n".join(sections)


def _note(study: "Study", trials: "Sequence[FrozenTrial]") -> str:
    """Return what the figures do not show."""
    found = []
    if len(trials) > LINES:
        found.append(
            f"<p>Of {len(trials)} trials, at most {POINTS} are drawn as points and {LINES} as lines: the best ones, "
            "and others at random.</p>"
        )
    from convsweep.report.shown import Names

    names = Names(study)
    best = names.best if len(study.directions) > 1 else names.best[:1]
    if far := sorted(far_from_others(points_of(study, names), best)):
        which = f"trial {far[0]}" + (f" and {len(far) - 1} more" if len(far) > 1 else "")
        found.append(
            f"<p>Values far from all others ({which}) are beyond the view: in the history a double click shows them, "
            "the other figures leave them out.</p>"
        )
    return "\n".join(found)


def _exhibits(exhibits: Sequence[Exhibit], note: str) -> str:
    boxes = []
    for exhibit in exhibits:
        body = ""
        if exhibit.picture is not None:
            data = base64.b64encode(exhibit.picture).decode("ascii")
            body += f'<img alt="{_escaped(exhibit.title)}" src="data:image/png;base64,{data}">'
        if exhibit.table:
            head, *rows = exhibit.table
            body += _table(head, rows)
        boxes.append(f"<figure><figcaption>{_escaped(exhibit.title)}</figcaption>{body}</figure>")
    words = f"<p>{_escaped(note)}</p>" if note else ""
    return f"<section><h2>Pictures</h2>{words}{''.join(boxes)}</section>" if boxes or words else ""


def _failures(trials: "Sequence[FrozenTrial]") -> str:
    ordered = sorted(kinds_of_failure(trials), key=lambda kind: -len(kind[1]))
    if not ordered:
        return ""
    rows = [
        [str(len(those)), WORDS[state], f"trial {those[0].number}", words] for state, those, words in ordered[:KINDS]
    ]
    more = f"<p>{len(ordered) - KINDS} more kinds.</p>" if len(ordered) > KINDS else ""
    return f"<section><h2>What went wrong</h2>{_table(['trials', '', 'the first', 'why'], rows)}{more}</section>"


def _settings(study: "Study") -> str:
    identity = study.user_attrs.get(IDENTITY, {})
    parts = []
    for title, values, words in (
        ("Searched", identity.get("space", {}), domain_in_words),
        ("The same in all trials", identity.get("settings", {}), in_plain_words),
    ):
        if values:
            rows = [[str(key), words(value)] for key, value in values.items()]
            opened = " open" if title == "Searched" else ""
            parts.append(f"<details{opened}><summary>{title}</summary>{_table(['key', 'value'], rows)}</details>")
    return f"<section><h2>Settings</h2>{''.join(parts)}</section>" if parts else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{_escaped(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{_escaped(bounded(cell, LONGEST))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f'<div class="table"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _sentence(text: str) -> str:
    """Return a sentence of ours, with what stands in backquotes as code."""
    parts = _escaped(text).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))


def _escaped(text: str) -> str:
    return html.escape(printable(str(text)))
