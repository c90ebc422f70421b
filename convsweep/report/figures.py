"""The figures of a study: Optuna's own, and three that it has not: importances with intervals, curves with pauses, who
ran what when.
"""

import logging
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from convsweep.display.words import state_of
from convsweep.insight import Findings, look_back
from convsweep.insight.findings import ODD
from convsweep.insight.words import how_sure
from convsweep.policy.asha import rungs_of
from convsweep.report.far import are_far, far_from_others, view_of
from convsweep.report.optional import needed
from convsweep.report.timeline import has_begun, timeline
from convsweep.study.optuna_parts import part

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

    from convsweep.report.shown import Names

BLUE, ORANGE, GREY, GREEN, RED = "#4878a8", "#d1603d", "#9aa0a6", "#4c9a6a", "#b23a48"
SCALE, DARKEST = "Viridis", 0.2  # where lines begin, so that they can be seen on white and on black
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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Optuna calls experimental, or finds too few trials for
        level, log = logging.getLogger("optuna").level, logging.getLogger("optuna")
        log.setLevel(logging.ERROR)
        try:
            for name, draw in _all(study, findings, names):
                with _spared(name):
                    figure = draw()
                    _dress(figure)
                    found[name] = figure
        finally:
            log.setLevel(level)
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
    from convsweep.report.shown import ShownStudy, shown_study, some

    trials = study.get_trials(deepcopy=False)
    complete = [
        trial
        for trial in trials
        if trial.state.name == "COMPLETE" and all(math.isfinite(value) for value in trial.values)
    ]
    several = len(study.directions) > 1
    far = far_from_others(complete, names.best[:1] if not several else names.best)
    if complete:
        everything = ShownStudy(study, [_finite(names.bare(trial)) for trial in trials])
        yield from _of_each_objective(names, several, "history", partial(_history, everything, far))
    complete = [trial for trial in complete if trial.number not in far]
    if complete and several:
        yield "pareto", lambda: _pareto(shown_study(study, names, some(names, complete, POINTS)), names)
    if any(findings.importances.values()):
        yield "importance", lambda: _importance(findings, names)
    if not several and any(trial.intermediate_values for trial in trials):
        yield "curves", lambda: _curves(study, names, some(names, trials, LINES))
    keys = _keys(findings, complete)
    if complete and keys:
        yield "parallel", lambda: _parallel(shown_study(study, names, some(names, complete, LINES)), names)
        points = shown_study(study, names, some(names, complete, POINTS))
        for key in keys[:SLICES]:
            yield from _of_each_objective(names, several, f"slice/{key}", partial(_slice, points, names.keys[key]))
        cells = some(names, [trial for trial in complete if set(keys[:2]) <= set(trial.params)], CELLS)
        if len(keys) > 1 and _varies(cells, keys[:2]):
            pair = [names.keys[key] for key in keys[:2]]
            yield from _of_each_objective(
                names, several, "contour", partial(_contour, shown_study(study, names, cells), pair)
            )
    if bars := [trial for trial in trials if has_begun(trial)]:
        yield "timeline", lambda: timeline(bars[-BARS:], names)


def _of_each_objective(
    names: "Names", several: bool, name: str, draw: Callable[[dict[str, Any]], Any]
) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield a figure of the one objective, or of each under its name."""
    if not several:
        yield name, partial(draw, {"target_name": names.metrics[0]})
        return
    for i, metric in enumerate(names.metrics):
        more = {"target_name": metric, "target": lambda trial, i=i: trial.values[i]}
        yield f"{name}/{metric}", partial(draw, more)


def _finite(trial: "FrozenTrial") -> "FrozenTrial":
    """Return a trial as a figure can have it; an endless value is none."""
    import copy

    from optuna.trial import TrialState

    if trial.state.name != "COMPLETE" or all(math.isfinite(value) for value in trial.values):
        return trial
    trial = copy.copy(trial)
    trial.state, trial.values = TrialState.FAIL, None
    return trial


def _keys(findings: Findings, complete: "Sequence[FrozenTrial]") -> list[str]:
    """Return the searched keys that had more than one value, the most important first."""
    ranked = [one.key for importances in findings.importances.values() for one in importances]
    searched = dict.fromkeys([*ranked, *(key for trial in complete for key in trial.params)])
    return [key for key in searched if _varies(complete, [key])]


def _varies(trials: "Sequence[FrozenTrial]", keys: Sequence[str]) -> bool:
    return all(len({repr(trial.params[key]) for trial in trials if key in trial.params}) > 1 for key in keys)


def _history(study: "Study", far: set[int], more: dict[str, Any]) -> Any:
    """Draw Optuna's history, its view on the trials that are not far from the others; all of them are in it."""
    figure = part("visualization", "_optimization_history", "plot_optimization_history")(study, **more)
    target = more.get("target", lambda trial: trial.values[0])
    near = [target(t) for t in study.get_trials() if t.state.name == "COMPLETE" and t.number not in far]
    if far and (view := view_of(near)) is not None:
        figure.update_yaxes(range=view)
    return figure


def _slice(study: "Study", key: str, more: dict[str, Any]) -> Any:
    plot_slice = part("visualization", "_slice", "plot_slice")
    figure = plot_slice(study, [key], **more)
    figure.update_traces(marker_showscale=False)  # it would take a third of so small a picture
    return figure


def _contour(study: "Study", keys: list[str], more: dict[str, Any]) -> Any:
    plot_contour = part("visualization", "_contour", "plot_contour")
    return plot_contour(study, keys, **more)


def _pareto(study: "Study", names: "Names") -> Any:
    plot_pareto_front = part("visualization", "_pareto_front", "plot_pareto_front")
    if len(names.metrics) <= 3:
        return plot_pareto_front(study, target_names=names.metrics)
    return plot_pareto_front(study, target_names=names.metrics[:2], targets=lambda trial: trial.values[:2])


def _parallel(study: "Study", names: "Names") -> Any:
    """Draw Optuna's parallel coordinates in colours that can be seen on white and on black."""
    from plotly.colors import sample_colorscale

    plot_parallel_coordinate = part("visualization", "_parallel_coordinate", "plot_parallel_coordinate")
    more: dict[str, Any] = {"target_name": names.metrics[0]} if len(names.metrics) == 1 else {}
    figure: Any = plot_parallel_coordinate(study, **more)
    lines = [trace for trace in figure.data if trace.mode == "lines" and trace.customdata is not None]
    bar = figure.data[-1].marker
    if not lines or len(names.metrics) > 1 or bar.color is None:
        return figure
    low, high = bar.color
    for trace in lines:
        value = float(trace.customdata[0][1])
        share = min(1.0, max(0.0, (value - low) / (high - low))) if high > low else 0.5
        trace.line.color = sample_colorscale(
            SCALE, DARKEST + (1 - DARKEST) * (1 - share if bar.reversescale else share)
        )[0]
    return figure


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
            state = state_of(trial)
            whole = "trained to the end" if state == "COMPLETE" else "paused" if state == "PAUSED" else "stopped"
            kinds.setdefault("the best" if trial.number == best else whole, []).append(trial)
    looks = {"stopped": (GREY, 1), "paused": (GREY, 1), "trained to the end": (BLUE, 1.2), "the best": (ORANGE, 3)}
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
    figure.update_xaxes(title="step")
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
        margin={"t": 30, "r": 20, "b": 50, "l": 60},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"},
        font={"family": "system-ui, sans-serif", "size": 13}, colorway=[BLUE, ORANGE, GREEN, RED, "#c9a227"],
        autosize=True, width=None, modebar={"bgcolor": clear, "color": GREY, "activecolor": ORANGE},
    )  # fmt: skip
    figure.update_xaxes(gridcolor=line, linecolor=line, zeroline=False, automargin=True)
    figure.update_yaxes(gridcolor=line, linecolor=line, zeroline=False, automargin=True)
    figure.update_annotations(font_color=GREY)
    for trace in figure.data:
        if trace.type == "contour":
            trace.colorscale = SCALE
        marker = getattr(trace, "marker", None)
        if marker is not None and getattr(marker, "colorscale", None) is not None:
            marker.colorscale = SCALE
            marker.line = {"color": GREY, "width": 0.5}
        if marker is not None and getattr(marker, "color", None) == "black":
            marker.color = ORANGE
