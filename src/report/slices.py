"""What each searched key did: the objective of every trial by that key's value."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from src.report.canvas import new_figure
from src.report.figures import GREY, TRAIN, VALIDATION

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 4
MAX_CHOICES = 12  # values of a key; with more their labels would overlap
LOW = 5  # percent of the trials, the worst ones, that may lie below the picture, so that the others can be told apart


def slices(
    params: Sequence[Mapping[str, Any]],
    values: Sequence[float],
    complete: Sequence[bool],
    metric: str,
    maximize: bool,
    epochs: Sequence[int] = (),
) -> "Figure | None":
    """Draw a panel a searched key: each trial, and of a key with few values their means; None for no key.

    Args:
        params: Each trial's searched values; one that a trial has not is left out.
        values: Each trial's objective.
        complete: Whether it was trained to its end.
        metric: The objective's name.
        maximize: Whether more of it is better.
        epochs: How many epochs each trial was trained for, as far as known.
    """
    names = list(dict.fromkeys(name for given in params for name in given))
    if not names:
        return None
    rows, columns = math.ceil(len(names) / COLUMNS), min(len(names), COLUMNS)
    width, height = max(6.4, 0.7 + 2.7 * columns), 1.0 + 2.6 * rows
    figure = new_figure((width, height))
    figure.subplots_adjust(
        left=0.7 / width, right=1 - 0.1 / width, top=1 - 0.6 / height, bottom=0.8 / height, hspace=0.75, wspace=0.12
    )
    objective, done = np.asarray(values, float), np.asarray(complete, bool)
    low, high = _range(objective, done, maximize)
    drawn = np.clip(objective, low, high)  # at the edge rather than not at all
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axes, name in zip(grid.flat, names, strict=False):
        has = np.array([name in given for given in params])
        given = [one[name] for one in params if name in one]
        places = _place(axes, given)
        ended = done[has]
        axes.plot(places[~ended], drawn[has][~ended], "x", color=GREY, markersize=4, alpha=0.7, clip_on=False)
        axes.plot(places[ended], objective[has][ended], "o", color=TRAIN, markersize=4, alpha=0.8)
        if len(set(map(str, given))) <= MAX_CHOICES:
            for place in np.unique(places[ended]):
                mean = objective[has][ended & (places == place)].mean()
                axes.plot(place, mean, "_", color=VALIDATION, markersize=18, markeredgewidth=2)
        axes.set_xlabel(name, fontsize=8)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.25)
    for axes in grid.flat[len(names) :]:
        axes.set_visible(False)
    for axes in grid[:, 0]:
        axes.set_ylabel(metric, fontsize=8)
    if np.isfinite(low):
        grid.flat[0].set_ylim(low, high)
    figure.legend(handles=_legend(grid.flat[0], done, epochs), loc="upper center", ncols=3, fontsize=8, frameon=False)
    return figure


def _range(objective: np.ndarray, done: np.ndarray, maximize: bool) -> tuple[float, float]:
    """Return the values between which the panels reach.

    What was stopped after an epoch or two lies far from the rest, which is what the picture is about.
    """
    shown = objective[done] if done.sum() > 2 else objective
    finite = shown[np.isfinite(shown)]
    if len(finite) < 3:
        return -np.inf, np.inf
    worst, best = (LOW, 100) if maximize else (100 - LOW, 0)
    ends = np.percentile(finite, [worst, best])
    margin = 0.08 * (ends.max() - ends.min()) or 0.01
    return ends.min() - margin, ends.max() + margin


def _legend(axes: Any, done: np.ndarray, epochs: Sequence[int]) -> list[Any]:
    """Return what the legend is to explain: of the marks, those that are there."""
    marks = []
    if done.any():
        marks += axes.plot([], [], "o", color=TRAIN, markersize=4, label="trained to the end")
        marks += axes.plot([], [], "_", color=VALIDATION, markersize=12, markeredgewidth=2, label="their mean")
    if not done.all():
        cut = [count for count, ended in zip(epochs, done, strict=True) if not ended] if len(epochs) else []
        reach = f"{min(cut)} to {max(cut)}" if cut and min(cut) < max(cut) else f"{max(cut, default=0)}"
        span = f", after {reach} epoch{'s' * (reach != '1')}" if cut else ""
        marks += axes.plot([], [], "x", color=GREY, markersize=4, label=f"stopped early{span} (at the edge: beyond it)")
    return marks


def _place(axes: Any, given: Sequence[Any]) -> np.ndarray:
    """Return where values stand on the x axis, and set it up: a scale for many numbers, else a tick a value."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in given)
    if numbers and len(set(given)) > MAX_CHOICES:
        if min(given) > 0 and np.median(given) < max(given) / 5:  # drawn on a logarithmic scale, by the look of it
            axes.set_xscale("log")
        return np.asarray(given, float)
    labels = list(dict.fromkeys(map(str, sorted(given) if numbers else given)))
    axes.set_xticks(range(len(labels)), labels, rotation=40 if max(map(len, labels)) > 5 else 0, ha="center")
    axes.set_xlim(-0.5, len(labels) - 0.5)
    return np.array([labels.index(str(value)) for value in given], float)
