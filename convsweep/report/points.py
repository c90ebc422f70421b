"""Trials as points: of those that were not trained to their end the last values, marked as such; and figures of points.

What is infeasible is shown, and is never the best.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from convsweep.display.words import state_of
from convsweep.report.far import view_of
from convsweep.study.ranking import last_values

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

    from convsweep.report.shown import Names

BLUE, ORANGE, GREY = "#4878a8", "#d1603d", "#9aa0a6"
SCALE = "Viridis"
WHOLE, PAUSED, STOPPED, INFEASIBLE = "trained to the end", "paused", "stopped", "infeasible"
KINDS = {"COMPLETE": WHOLE, "PAUSED": PAUSED, "PRUNED": STOPPED, "INFEASIBLE": INFEASIBLE}
LOOKS: dict[str, dict[str, Any]] = {
    INFEASIBLE: {"color": GREY, "size": 7, "symbol": "circle-open"},
    STOPPED: {"color": GREY, "size": 7, "symbol": "triangle-down"},
    PAUSED: {"color": GREY, "size": 7, "symbol": "x"},
    WHOLE: {"color": BLUE, "size": 7},
}
SINGLE = 12  # steps of an axis, up to which each has a tick
HOVER = "%{text}<br>%{y:.5g}<extra></extra>"


@dataclass(frozen=True)
class Point:
    """A trial that has values.

    Attributes:
        trial: The trial.
        values: Its values, those at its last step where it was not trained to its end; all of them finite.
        kind: How it came to them, one of `KINDS`.
        text: What is said of it beside the point.
    """

    trial: "FrozenTrial"
    values: Sequence[float]
    kind: str
    text: str

    @property
    def number(self) -> int:
        return self.trial.number


def kind_of(trial: "FrozenTrial") -> str | None:
    """Return which kind of point a trial is; None for one that has failed, or that still runs or waits."""
    return KINDS.get(state_of(trial))


def points_of(study: "Study", names: "Names") -> list[Point]:
    """Return the trials that have values."""
    found = []
    for trial in study.get_trials(deepcopy=False):
        kind, values = kind_of(trial), last_values(trial, len(study.directions))
        if kind is not None and values is not None and all(map(math.isfinite, values)):
            where = "" if trial.state.name == "COMPLETE" else f" at step {trial.last_step}"
            how = "" if kind == WHOLE else f", {kind}{where}"
            text = f"trial {trial.number}{how}<br>{names.labels(trial.params)}".removesuffix("<br>")
            found.append(Point(trial, values, kind, text))
    return found


def by_kind(points: Sequence[Point]) -> dict[str, list[Point]]:
    """Return the points of each kind that there are, the most important last: it is drawn above the others."""
    found = {kind: [point for point in points if point.kind == kind] for kind in LOOKS}
    return {kind: those for kind, those in found.items() if those}


def history(points: Sequence[Point], objective: int, study: "Study", names: "Names", far: set[int]) -> Any:
    """Draw each trial's value, and of a single objective the best so far of those that may be an answer.

    Args:
        points: The trials.
        objective: Which of the objectives.
        study: The study.
        names: What names are shown as.
        far: The numbers of those that are not to be in view at first.
    """
    import plotly.graph_objects as go

    figure: Any = go.Figure()
    for kind, those in by_kind(points).items():
        figure.add_scatter(
            x=[point.number for point in those], y=[point.values[objective] for point in those],
            text=[point.text for point in those], name=kind, mode="markers", marker=LOOKS[kind], hovertemplate=HOVER,
        )  # fmt: skip
    whole = [point for point in points if point.kind == WHOLE]
    last = max(point.number for point in points)
    if whole and len(study.directions) == 1:
        better = max if study.direction.name == "MAXIMIZE" else min
        best = [whole[0].values[0]]
        for point in whole[1:]:
            best.append(better(best[-1], point.values[0]))
        figure.add_scatter(
            x=[*(point.number for point in whole), last], y=[*best, best[-1]], name="best so far", mode="lines",
            line={"color": ORANGE, "shape": "hv"}, hovertemplate="best so far: %{y:.5g}<extra></extra>",
        )  # fmt: skip
    near = [point.values[objective] for point in points if point.number not in far]
    figure.update_xaxes(title="trial", range=[-0.5, last + 0.5], **whole_numbers(0, last))
    figure.update_yaxes(title=names.metrics[objective], range=view_of(near) if far and near else None)
    return figure


def slice_by(points: Sequence[Point], key: str, objective: int, names: "Names") -> Any:
    """Draw the trials' values by a key; of those trained to the end the later ones are brighter."""
    import plotly.graph_objects as go

    having = [point for point in points if key in point.trial.params]
    figure: Any = go.Figure()
    for kind, those in by_kind(having).items():
        marker = LOOKS[kind]
        if kind == WHOLE:
            numbers = [point.number for point in those]
            marker = {"color": numbers, "colorscale": SCALE, "showscale": False, "line": {"color": GREY, "width": 0.5}}
        figure.add_scatter(
            x=[names.value(key, point.trial) for point in those], y=[point.values[objective] for point in those],
            text=[point.text for point in those], name=kind, mode="markers", marker=marker, hovertemplate=HOVER,
            showlegend=False,
        )  # fmt: skip
    figure.update_xaxes(title=names.keys[key], **axis_of(key, having, names))
    figure.update_yaxes(title=names.metrics[objective])
    return figure


def pair(points: Sequence[Point], keys: Sequence[str], objective: int, study: "Study", names: "Names") -> Any:
    """Draw the values by two keys: as a surface between numbers, as cells where both have few values, else as points.

    Args:
        points: Trials that may be an answer, which have both keys.
        keys: The two keys.
        objective: Which of the objectives.
        study: The study.
        names: What names are shown as.
    """
    import numpy as np
    import plotly.graph_objects as go

    across, up = keys
    x, y = ([names.value(key, point.trial) for point in points] for key in keys)
    z = [point.values[objective] for point in points]
    listed = [names.is_listed(key, points[0].trial) for key in keys]
    few = [bool(axis_of(key, points, names).keys() & {"categoryarray", "dtick"}) for key in keys]
    columns, rows = (_places(key, points, names) for key in keys)
    cells = [[[] for _ in columns] for _ in rows]
    for i, j, value in zip(x, y, z, strict=True):
        cells[rows.index(j)][columns.index(i)].append(value)
    means = [[float(np.mean(cell)) if cell else None for cell in row] for row in cells]
    colours: dict[str, Any] = {
        "colorscale": SCALE, "reversescale": study.directions[objective].name == "MINIMIZE",
        "colorbar": {"title": {"text": names.metrics[objective]}},
    }  # fmt: skip
    figure: Any = go.Figure()
    points_only: dict[str, Any] = {"color": ORANGE, "line": {"color": GREY, "width": 0.5}}
    if all(few):
        counts = [[len(cell) for cell in row] for row in cells]
        hover = "%{x}, %{y}: %{z:.5g}, the mean of %{text}<extra></extra>"
        figure.add_heatmap(
            x=columns, y=rows, z=means, text=counts, hovertemplate=hover, hoverongaps=False, xgap=1, ygap=1, **colours
        )
    elif any(listed):
        points_only |= {"color": z, "showscale": True, "size": 10, **colours}
    else:
        figure.add_contour(
            x=columns, y=rows, z=means, connectgaps=True, contours_coloring="heatmap", line_smoothing=1.3,
            hoverinfo="skip", **colours,
        )  # fmt: skip
    if not all(few):
        figure.add_scatter(
            x=x, y=y, text=[f"{point.text}<br>{value:.5g}" for point, value in zip(points, z, strict=True)],
            mode="markers", marker=points_only, hovertemplate="%{text}<extra></extra>", showlegend=False,
        )  # fmt: skip
    figure.update_xaxes(title=names.keys[across], **axis_of(across, points, names))
    figure.update_yaxes(title=names.keys[up], **axis_of(up, points, names))
    return figure


def pareto(points: Sequence[Point], names: "Names") -> Any:
    """Draw the trials by the first two objectives, or by all three; those on the front stand out."""
    import plotly.graph_objects as go

    front = set(names.best)
    groups = {"on the front" if kind == WHOLE else kind: those for kind, those in by_kind(points).items()}
    if whole := groups.pop("on the front", []):
        groups["beaten by another"] = [point for point in whole if point.number not in front]
        groups["on the front"] = [point for point in whole if point.number in front]
    looks = {**LOOKS, "beaten by another": {"color": BLUE}, "on the front": {"color": ORANGE, "size": 9}}
    shown = names.metrics[:3] if len(names.metrics) == 3 else names.metrics[:2]
    figure: Any = go.Figure()
    for name, those in groups.items():
        if not those:
            continue
        axes = dict(zip("xyz", ([point.values[i] for point in those] for i in range(len(shown))), strict=False))
        text = ["<br>".join([point.text, *_told(point, names)]) for point in those]
        more: dict[str, Any] = {"mode": "markers", "hovertemplate": "%{text}<extra></extra>", "name": name}
        if len(shown) == 3:
            look = {"symbol": "circle", "size": 4} | {k: v for k, v in looks[name].items() if k == "color"}
            figure.add_scatter3d(**axes, text=text, marker=look, **more)
        else:
            figure.add_scatter(**axes, text=text, marker=looks[name], **more)
    if len(shown) == 3:
        figure.update_scenes({f"{axis}axis_title": name for axis, name in zip("xyz", shown, strict=True)})
    else:
        figure.update_xaxes(title=shown[0])
        figure.update_yaxes(title=shown[1])
    return figure


def _told(point: Point, names: "Names") -> list[str]:
    return [f"{name}: {value:.5g}" for name, value in zip(names.metrics, point.values, strict=True)]


def axis_of(key: str, points: Sequence[Point], names: "Names") -> dict[str, Any]:
    """Return how an axis shows a key's values: listed ones in their order, numbers by their scale."""
    distribution: Any = points[-1].trial.distributions[key]
    if names.is_listed(key, points[-1].trial):
        return {"type": "category", "categoryorder": "array", "categoryarray": _places(key, points, names)}
    if distribution.log:
        return {"type": "log"}
    values = [point.trial.params[key] for point in points]
    return whole_numbers(min(values), max(values)) if isinstance(distribution.high, int) else {}


def whole_numbers(low: int, high: int) -> dict[str, Any]:
    """Return how an axis of whole numbers has its ticks: none of them between two numbers."""
    return {"tick0": 0, "dtick": 1} if high - low <= SINGLE else {}


def _places(key: str, points: Sequence[Point], names: "Names") -> list[Any]:
    """Return the different values of a key in the order of an axis."""
    values = [names.value(key, point.trial) for point in points]
    if not names.is_listed(key, points[-1].trial):
        return sorted(set(values))
    there = set(values)
    order = [name for point in points for name in names.choices(key, point.trial)]
    return [name for name in dict.fromkeys(order) if name in there]
