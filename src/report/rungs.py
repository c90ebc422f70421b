"""How a scheduler spent the epochs: every trial's curve, where it paused, and how far it went."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from src.report.canvas import count_in_whole_numbers, new_figure
from src.report.figures import GREY, TRAIN, VALIDATION

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def rungs(
    curves: Sequence[Mapping[int, float]],
    complete: Sequence[bool],
    best: int | None,
    steps: Sequence[int],
    metric: str,
    unit: str = "epoch",
) -> "Figure":
    """Draw each trial's objective by epoch, and above each rung how many reached it and how many went on.

    Args:
        curves: Each trial's values by epoch.
        complete: Whether it was trained to its end.
        best: The index of the best one, or None.
        steps: The rungs' epochs, ascending.
        unit: What an epoch is called where it is something else.
    """
    figure = new_figure((9, 4.5))
    axes = figure.subplots()
    figure.subplots_adjust(left=0.08, right=0.98, bottom=0.12, top=0.84)
    order = sorted(range(len(curves)), key=lambda i: (i == best, complete[i], len(curves[i])))
    for i in order:
        if not curves[i]:
            continue
        numbers, values = zip(*sorted(curves[i].items()), strict=True)
        colour = VALIDATION if i == best else TRAIN if complete[i] else GREY
        axes.plot(numbers, values, color=colour, linewidth=2.2 if i == best else 1, alpha=1 if complete[i] else 0.6)
        axes.plot(numbers[-1:], values[-1:], "o" if complete[i] else "x", color=colour, markersize=5)
    for step in steps:
        there = sum(step in curve for curve in curves)
        on = sum(step in curve and max(curve) > step for curve in curves)
        axes.axvline(step, color=GREY, linestyle=":", zorder=0)
        axes.text(
            step, 1.01, f"{there} here,\n{on} went on", transform=axes.get_xaxis_transform(), ha="center", fontsize=8
        )
    for label, marker, colour in (
        ("best", "o-", VALIDATION),
        ("trained to the end", "o-", TRAIN),
        ("paused", "x-", GREY),
    ):
        axes.plot([], [], marker, color=colour, label=label)
    axes.set(xlabel=unit, ylabel=metric)
    count_in_whole_numbers(axes)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, loc="lower right")
    spent, full = sum(map(len, curves)), max(map(len, curves), default=0)
    figure.suptitle(
        f"{spent} {unit}s for {len(curves)} trials; all of them to the end: {full * len(curves)}", fontsize=11
    )
    return figure
