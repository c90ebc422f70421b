"""The figures of a study: which there are; and importances with intervals, curves with pauses."""

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from convsweep.insight import Findings, look_back
from convsweep.insight.advice import ENOUGH
from convsweep.insight.findings import ODD
from convsweep.insight.words import how_sure
from convsweep.policy.asha import rungs_of
from convsweep.report.far import are_far, far_from_others, view_of
from convsweep.report.optional import needed
from convsweep.report.points import (
    BLUE,
    GREY,
    INFEASIBLE,
    ORANGE,
    PAUSED,
    STOPPED,
    WHOLE,
    history,
    kind_of,
    pair,
    pareto,
    points_of,
    slice_by,
    whole_numbers,
)
from convsweep.report.timeline import has_begun, timeline

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

    from convsweep.report.shown import Names

GREEN, RED = "#4c9a6a", "#b23a48"
LINES, POINTS, CELLS, BARS = 150, 1000, 120, 1000  # trials at most: as lines, as points, in a contour, as bars
SLICES = 12  # keys, the most important ones
WHY = "a figure"


def figures(study: "Study", findings: Findings | None = None) -> dict[str, Any]:
    """Return a study's Plotly figures by name; those for which it has no trials are left out.

    `history` (`history/<metric>` of several objectives, and so on), `pareto`, `importance`, `curves`, `parallel`,
    `slice/<key>`, `contour`, `timeline`.

    Raises:
        UserError: Plotly is not installed.
    """
    needed("plotly", WHY)
    from convsweep.report.shown import Names

    names = Names(study)
    findings = findings or look_back(study)
    found: dict[str, Any] = {}
    for name, draw in _all(study, findings, names):
        with _spared(name):
            figure = draw()
            _dress(figure)
            found[name] = figure
    return found


@contextmanager
def _spared(name: str) -> Iterator[None]:
    """Leave out a figure of values that nobody thought of: no reason to lose the others."""
    try:
        yield
    except ODD as error:
        logging.getLogger(__name__).warning("the figure %s is left out: %s: %s", name, type(error).__name__, error)


def _all(study: "Study", findings: Findings, names: "Names") -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield the name of each figure for which there are trials, and what draws it."""
    from convsweep.report.parallel import parallel
    from convsweep.report.shown import some

    trials = study.get_trials(deepcopy=False)
    points = points_of(study, names)
    several = len(study.directions) > 1
    far = far_from_others(points, names.best if several else names.best[:1])
    if points:
        yield from _of_each_objective(names, "history", lambda i, all_=points: history(all_, i, study, names, far))
    points = [point for point in points if point.number not in far]
    if points and several:
        yield "pareto", lambda: pareto(some(names, points, POINTS), names)
    if any(findings.importances.values()):
        yield "importance", lambda: _importance(findings, names)
    if not several and any(trial.intermediate_values for trial in trials):
        yield "curves", lambda: _curves(study, names, some(names, trials, LINES))
    keys = _keys(findings, [point.trial for point in points])
    if points and keys:
        yield "parallel", lambda: parallel(some(names, points, LINES), keys, study, names)
        shown = some(names, points, POINTS)
        for key in keys[:SLICES]:
            yield from _of_each_objective(names, f"slice/{key}", lambda i, key=key: slice_by(shown, key, i, names))
        both = set(keys[:2])
        cells = some(names, [p for p in points if p.kind == WHOLE and both <= set(p.trial.params)], CELLS)
        if len(both) > 1 and len(cells) >= ENOUGH and _varies([point.trial for point in cells], keys[:2]):
            yield from _of_each_objective(names, "contour", lambda i: pair(cells, keys[:2], i, study, names))
    if bars := [trial for trial in trials if has_begun(trial)]:
        yield "timeline", lambda: timeline(bars[-BARS:], names)


def _of_each_objective(
    names: "Names", name: str, draw: Callable[[int], Any]
) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield a figure of the one objective, or of each under its name."""
    for i, metric in enumerate(names.metrics):
        yield f"{name}/{metric}" if len(names.metrics) > 1 else name, partial(draw, i)


def _keys(findings: Findings, trials: "Sequence[FrozenTrial]") -> list[str]:
    """Return the searched keys that had more than one value, the most important first."""
    ranked = [one.key for importances in findings.importances.values() for one in importances]
    searched = dict.fromkeys([*ranked, *(key for trial in trials for key in trial.params)])
    return [key for key in searched if _varies(trials, [key])]


def _varies(trials: "Sequence[FrozenTrial]", keys: Sequence[str]) -> bool:
    return all(len({repr(trial.params[key]) for trial in trials if key in trial.params}) > 1 for key in keys)


def _importance(findings: Findings, names: "Names") -> Any:
    import plotly.graph_objects as go

    figure = go.Figure()
    for i, importances in enumerate(findings.importances.values()):
        shown = importances[::-1]
        several = len(findings.importances) > 1
        figure.add_bar(
            orientation="h",
            name=names.metrics[i] if several else "",
            x=[one.share for one in shown],
            y=[names.keys[one.key] for one in shown],
            marker_color=[BLUE if one.sure else GREY for one in shown] if not several else None,
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [one.high - one.share for one in shown],
                "arrayminus": [one.share - one.low for one in shown],
                "color": ORANGE,
            },
            customdata=[[how_sure(one), f"{one.low:.0%} to {one.high:.0%}"] for one in shown],
            hovertemplate="%{y}: %{x:.0%} (90% interval %{customdata[1]}), %{customdata[0]}<extra></extra>",
            showlegend=several,
        )
    figure.update_xaxes(tickformat=".0%", rangemode="tozero", title="share of the importance of all keys")
    figure.update_yaxes(automargin=True)
    return figure


def _curves(study: "Study", names: "Names", trials: "Sequence[FrozenTrial]") -> Any:
    """Draw each trial's reported values by step: the best, those trained to the end, those that stopped or pause."""
    import plotly.graph_objects as go

    best = next(iter(names.best), None)
    kinds: dict[str, list[FrozenTrial]] = {}
    for trial in trials:
        if trial.intermediate_values:
            kind = kind_of(trial) or STOPPED
            kinds.setdefault("the best" if trial.number == best else kind, []).append(trial)
    looks = {
        INFEASIBLE: (GREY, 1), STOPPED: (GREY, 1), PAUSED: (GREY, 1), WHOLE: (BLUE, 1.2), "the best": (ORANGE, 3),
    }  # fmt: skip
    figure: Any = go.Figure()
    for kind, (colour, width) in looks.items():
        x: list[Any] = []
        y: list[Any] = []
        text: list[str | None] = []
        ends: list[tuple[int, float]] = []
        for trial in kinds.get(kind, []):
            points = [
                (step, value) for step, value in sorted(trial.intermediate_values.items()) if math.isfinite(value)
            ]
            words = f"trial {trial.number}<br>{names.labels(trial.params)}"
            x += [*(step for step, _ in points), None]
            y += [*(value for _, value in points), None]
            text += [words] * len(points) + [None]
            ends += points[-1:]
        if not x:
            continue
        hover = "%{text}<br>step %{x}: %{y:.5g}<extra></extra>"
        few = all(len(trial.intermediate_values) == 1 for trial in kinds[kind])
        figure.add_scatter(
            x=x, y=y, text=text, name=kind, mode="markers" if few else "lines", hovertemplate=hover,
            line={"color": colour, "width": width}, marker={"color": colour, "symbol": "x" if colour == GREY else 0},
            opacity=1.0 if kind == "the best" else 0.6,
        )  # fmt: skip
        if colour == GREY and not few:
            figure.add_scatter(
                x=[step for step, _ in ends], y=[value for _, value in ends], mode="markers", showlegend=False,
                marker={"color": colour, "symbol": "x", "size": 6}, hoverinfo="skip",
            )  # fmt: skip
    for step in rungs_of(study):
        figure.add_vline(step, line={"color": GREY, "dash": "dot", "width": 1})
    steps = [step for trace in figure.data for step in trace.x if step is not None]
    figure.update_xaxes(title="step", **whole_numbers(min(steps, default=0), max(steps, default=0)))
    drawn = [value for trace in figure.data for value in trace.y if value is not None]
    near = [value for value, far in zip(drawn, are_far(drawn), strict=True) if not far]
    view = view_of(near) if len(near) < len(drawn) else None
    figure.update_yaxes(title=names.metrics[0], range=view)
    return figure


def _dress(figure: Any) -> None:
    """Take away what the page says beside the figure, and what shows on white alone."""
    clear, line = "rgba(0,0,0,0)", "rgba(128,128,128,0.3)"
    figure.update_layout(
        template="none", title=None, paper_bgcolor=clear, plot_bgcolor=clear,
        margin={"t": 54, "r": 20, "b": 50, "l": 60},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"},
        font={"family": "system-ui, sans-serif", "size": 13}, colorway=[BLUE, ORANGE, GREEN, RED, "#c9a227"],
        autosize=True, width=None, modebar={"bgcolor": clear, "color": GREY, "activecolor": ORANGE},
    )  # fmt: skip
    figure.update_xaxes(gridcolor=line, linecolor=line, zeroline=False, automargin=True)
    figure.update_yaxes(gridcolor=line, linecolor=line, zeroline=False, automargin=True)
    figure.update_annotations(font_color=GREY)
