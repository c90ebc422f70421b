"""Configurations as lines, one a trial, across an axis for the value and one for each searched key."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from convsweep.report.points import BLUE, GREY, INFEASIBLE, ORANGE, SCALE, WHOLE, Point
from convsweep.report.shown import shown_name
from convsweep.study.key_names import shortened

if TYPE_CHECKING:
    from optuna import Study

    from convsweep.report.shown import Names

DARKEST = 0.2  # where colours begin, so that lines can be seen on white and on black
MISSING = 0.12  # of an axis, below its values, where some trials have none
TICKS = 5


@dataclass(frozen=True)
class Axis:
    """An axis: its name, where each trial is on it, from 0 to 1, and where it has which words."""

    name: str
    places: Sequence[float]
    ticks: Sequence[tuple[float, str]]


def parallel(points: Sequence[Point], keys: Sequence[str], study: "Study", names: "Names") -> Any:
    """Draw the trials: of one objective in the colours of their values, of several the front in one of its own.

    Dotted lines are trials that were not trained to their end; grey ones are infeasible.
    """
    import plotly.graph_objects as go

    short = shortened(keys)
    axes = [_numbers(name, [point.values[i] for point in points]) for i, name in enumerate(names.metrics)]
    axes += [_key(key, shown_name(short[key]), points, names) for key in keys]
    colours, bar = _colours(points, study, names)
    figure: Any = go.Figure()
    told: set[str] = set()
    for i in sorted(range(len(points)), key=lambda i: (points[i].kind == WHOLE, points[i].kind != INFEASIBLE)):
        point = points[i]
        dash = "solid" if point.trial.state.name == "COMPLETE" else "dot"
        figure.add_scatter(
            x=list(range(len(axes))), y=[axis.places[i] for axis in axes], mode="lines", name=point.kind,
            line={"color": colours[i], "width": 1.4, "dash": dash},
            opacity=0.7, text=[point.text] * len(axes), hovertemplate="%{text}<extra></extra>",
            legendgroup=point.kind, showlegend=point.kind not in told,
        )  # fmt: skip
        told.add(point.kind)
    if bar is not None:
        figure.add_scatter(x=[None], y=[None], mode="markers", marker=bar, showlegend=False, hoverinfo="skip")
    line = {"color": "rgba(128,128,128,0.6)", "width": 1}
    for i, axis in enumerate(axes):
        figure.add_shape(type="line", x0=i, x1=i, y0=0, y1=1, line=line, layer="below")
        for place, words in axis.ticks:
            figure.add_annotation(x=i, y=place, text=words, showarrow=False, xanchor="right", xshift=-4, font_size=11)
    figure.update_xaxes(
        tickvals=list(range(len(axes))), ticktext=[axis.name for axis in axes], range=[-0.4, len(axes) - 0.8],
        showgrid=False,
    )  # fmt: skip
    figure.update_yaxes(range=[-0.06, 1.06], visible=False)
    return figure


def _colours(points: Sequence[Point], study: "Study", names: "Names") -> tuple[list[str], dict[str, Any] | None]:
    """Return each trial's colour, and the colour bar that explains them."""
    if len(names.metrics) > 1:
        front = set(names.best)
        known = [GREY if p.kind != WHOLE else ORANGE if p.number in front else BLUE for p in points]
        return known, None
    reverse = study.direction.name == "MINIMIZE"
    values = [point.values[0] for point in points if point.kind != INFEASIBLE]
    if not values:
        return [GREY] * len(points), None
    low, high = min(values), max(values)

    def colour(value: float) -> str:
        share = (value - low) / (high - low) if 0 < high - low < math.inf else 0.5
        return _sampled(DARKEST + (1 - DARKEST) * (1 - share if reverse else share))

    found = [GREY if point.kind == INFEASIBLE else colour(point.values[0]) for point in points]
    scale = [[i / 10, _sampled(DARKEST + (1 - DARKEST) * i / 10)] for i in range(11)]
    bar = {
        "color": [low, high], "cmin": low, "cmax": high, "colorscale": scale, "reversescale": reverse,
        "showscale": True, "colorbar": {"title": {"text": names.metrics[0]}},
    }  # fmt: skip
    return found, bar if low < high else None


def _sampled(share: float) -> str:
    from plotly.colors import sample_colorscale

    return str(sample_colorscale(SCALE, [share])[0])


def _key(key: str, name: str, points: Sequence[Point], names: "Names") -> Axis:
    has = [key in point.trial.params for point in points]
    having = [point for point, there in zip(points, has, strict=True) if there]
    distribution: Any = having[-1].trial.distributions[key]
    if names.is_listed(key, having[-1].trial):
        words = [names.value(key, point.trial) for point in having]
        order = [choice for point in having for choice in names.choices(key, point.trial)]
        there = [choice for choice in dict.fromkeys(order) if choice in set(words)]
        axis = _numbers(name, [float(there.index(word)) for word in words], dict(enumerate(there)))
    else:
        values = [point.trial.params[key] for point in having]
        axis = _numbers(name, values, log=distribution.log, whole=isinstance(distribution.high, int))
    if all(has):
        return axis
    ticks = [(MISSING + (1 - MISSING) * place, words) for place, words in axis.ticks]
    left = iter(axis.places)
    return Axis(
        name, [MISSING + (1 - MISSING) * next(left) if there else 0.0 for there in has], [(0.0, "none"), *ticks]
    )


def _numbers(
    name: str, values: Sequence[float], words: dict[int, str] | None = None, log: bool = False, whole: bool = False
) -> Axis:
    low, high = min(values), max(values)
    if not 0 < high - low < math.inf:
        return Axis(name, [0.5] * len(values), [(0.5, words[0] if words else f"{low:.4g}")])
    scale = math.log if log else float

    def place(value: float) -> float:
        return (scale(value) - scale(low)) / (scale(high) - scale(low))

    ticks: list[float] = list(words) if words else _ticks(low, high, log, whole)
    said = [(place(tick), words[int(tick)] if words else f"{tick:.4g}") for tick in ticks]
    return Axis(name, [place(value) for value in values], said)


def _ticks(low: float, high: float, log: bool, whole: bool) -> list[float]:
    if log:
        between = [10.0**e for e in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]
        return [low, *(tick for tick in between if 1.3 * low < tick < high / 1.3), high]
    if whole:
        step = max(1, math.ceil((high - low) / TICKS))
        return [*range(int(low), int(high) - step // 2, step), high]
    return [low + (high - low) * i / (TICKS - 1) for i in range(TICKS)]
