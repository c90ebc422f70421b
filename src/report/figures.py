"""The pictures of a training and of a study.

Margins are set by hand: a layout engine would take a third of the time that a picture takes.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from src.report.canvas import count_in_whole_numbers, new_figure, printable, shown, width

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRAIN, VALIDATION, GREY = "#4878a8", "#d1603d", "#9aa0a6"
MAX_LABELLED = 20  # classes; with more the names and counts would overlap


def learning_curves(epochs: Sequence[dict[str, float]], best_epoch: int, title: str) -> "Figure":
    """Draw loss and accuracy of training and validation by epoch, the best epoch marked.

    Args:
        epochs: `loss`, `accuracy`, `val_loss` and `val_accuracy` of each epoch.
    """
    figure = new_figure((9, 3.6))
    figure.subplots_adjust(left=0.07, right=0.98, bottom=0.14, top=0.82)
    numbers = np.arange(1, len(epochs) + 1)
    for axes, metric in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for key, colour, label in ((metric, TRAIN, "training"), (f"val_{metric}", VALIDATION, "validation")):
            axes.plot(numbers, [epoch[key] for epoch in epochs], "o-", markersize=3, color=colour, label=label)
        axes.axvline(best_epoch, color=GREY, linestyle=":", label=f"best epoch ({best_epoch})")
        axes.set(xlabel="epoch", title=metric)
        count_in_whole_numbers(axes)
        axes.grid(alpha=0.25)
    figure.axes[0].legend(frameon=False)
    figure.suptitle(printable(title))
    return figure


def confusion_matrix(counts: np.ndarray, class_names: Sequence[str], title: str, normalize: bool = False) -> "Figure":
    """Draw counts [classes, classes] (row: true, column: predicted), coloured by the share of the row.

    Args:
        normalize: Write that share, in percent, where else the count is written.
    """
    classes = len(class_names)
    labelled = classes <= MAX_LABELLED
    labels = shown(class_names) if labelled else []
    # Inches for the cells and, beside and below them, for the longest name.
    cells, names = 0.42 * min(max(classes, 5), MAX_LABELLED), 0.7 + 0.08 * max(map(width, labels), default=0)
    size = cells + names + 0.5
    figure = new_figure((size, size), class_names)
    axes = figure.add_axes((names / size, names / size, cells / size, cells / size))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted", ylabel="true", title=title)
    if labelled:
        axes.set_xticks(range(classes), labels, rotation=45, ha="right")
        axes.set_yticks(range(classes), labels)
        for row, column in zip(*np.nonzero(counts), strict=True):
            colour = "white" if shares[row, column] > 0.5 else "black"
            text = f"{100 * shares[row, column]:.0f}" if normalize else str(counts[row, column])
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
    return figure


def pareto_front(
    values: np.ndarray,
    numbers: Sequence[int],
    front: Sequence[int],
    metrics: Sequence[str],
    infeasible: Sequence[int] = (),
) -> "Figure":
    """Draw trials by the first objective and each other one, those that no trial beats in all of them marked.

    Args:
        values: float [trials, objectives].
        numbers: Each trial's number.
        front: The numbers of those on the Pareto front.
        metrics: The objectives' names.
        infeasible: The numbers of those that broke a constraint.
    """
    others = range(1, len(metrics))
    figure = new_figure((1 + 5 * len(others), 4.2))
    figure.subplots_adjust(left=0.7 / (1 + 5 * len(others)), right=0.98, bottom=0.13, top=0.9, wspace=0.25)
    on, out = np.isin(numbers, front), np.isin(numbers, infeasible)
    for axes, other in zip(np.atleast_1d(figure.subplots(1, len(others))), others, strict=True):
        beaten = values[~on & ~out]
        axes.plot(beaten[:, other], beaten[:, 0], "o", color=GREY, label="beaten by another")
        if out.any():
            axes.plot(values[out, other], values[out, 0], "o", color=GREY, fillstyle="none", label="infeasible")
        best = values[on][np.argsort(values[on, other], kind="stable")]
        axes.plot(
            best[:, other], best[:, 0], "o-" if len(metrics) == 2 else "o", color=VALIDATION, label="Pareto front"
        )
        for number, row in zip(np.asarray(numbers)[on], values[on], strict=True):
            axes.annotate(str(number), (row[other], row[0]), xytext=(4, 4), textcoords="offset points", fontsize=8)
        axes.set(xlabel=metrics[other], ylabel=metrics[0])
        axes.grid(alpha=0.25)
    figure.axes[0].legend(frameon=False)
    figure.suptitle(f"{on.sum()} of {len(numbers)} trials on the Pareto front")
    return figure


def objective_history(
    numbers: Sequence[int],
    values: Sequence[float],
    pruned: Sequence[bool],
    metric: str,
    maximize: bool,
    infeasible: Sequence[bool] | None = None,
) -> "Figure":
    """Draw each trial's objective and the best so far among the complete ones that broke no constraint."""
    figure = new_figure((9, 4))
    axes = figure.subplots()
    figure.subplots_adjust(left=0.08, right=0.98, bottom=0.13, top=0.92)
    trials, objective = np.asarray(numbers), np.asarray(values, dtype=float)
    out = np.zeros(len(trials), bool) if infeasible is None else np.asarray(infeasible, bool)
    cut = np.asarray(pruned, dtype=bool) & ~out
    whole = ~cut & ~out
    axes.plot(trials[whole], objective[whole], "o", color=TRAIN, label="complete")
    if cut.any():
        axes.plot(trials[cut], objective[cut], "x", color=GREY, label="pruned")
    if out.any():
        axes.plot(trials[out], objective[out], "o", color=GREY, fillstyle="none", label="infeasible")
    if whole.any():
        running = (np.maximum if maximize else np.minimum).accumulate(objective[whole])
        axes.step(trials[whole], running, where="post", color=VALIDATION, label="best so far")
    axes.set(xlabel="trial", ylabel=metric, title="objective by trial")
    count_in_whole_numbers(axes)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    return figure
