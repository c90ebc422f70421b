"""The pictures. They are drawn without pyplot: no global state, no display, safe in any thread."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

TRAIN, VALIDATION, GREY = "#4878a8", "#d1603d", "#9aa0a6"
MAX_LABELLED = 20  # classes; with more the names and counts would overlap


def learning_curves(epochs: Sequence[dict[str, float]], best_epoch: int, title: str) -> Figure:
    """Draw loss and accuracy of training and validation by epoch, the best epoch marked.

    Args:
        epochs: `loss`, `accuracy`, `val_loss` and `val_accuracy` of each epoch.
    """
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    numbers = np.arange(1, len(epochs) + 1)
    for axes, metric in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for key, colour, label in ((metric, TRAIN, "training"), (f"val_{metric}", VALIDATION, "validation")):
            axes.plot(numbers, [epoch[key] for epoch in epochs], "o-", markersize=3, color=colour, label=label)
        axes.axvline(best_epoch, color=GREY, linestyle=":", label=f"best epoch ({best_epoch})")
        axes.set(xlabel="epoch", title=metric)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.25)
    figure.axes[0].legend(frameon=False)
    figure.suptitle(title)
    return figure


def confusion_matrix(counts: np.ndarray, class_names: Sequence[str], title: str) -> Figure:
    """Draw counts [classes, classes] (row: true, column: predicted), coloured by the share of the row."""
    classes = len(class_names)
    size = 3.2 + 0.42 * min(classes, MAX_LABELLED)
    figure = Figure(figsize=(size + 0.8, size), layout="constrained")
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted", ylabel="true", title=title)
    if classes <= MAX_LABELLED:
        axes.set_xticks(range(classes), class_names, rotation=45, ha="right")
        axes.set_yticks(range(classes), class_names)
        for row, column in zip(*np.nonzero(counts), strict=True):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=colour, fontsize=8)
    figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.8)
    return figure


def objective_history(
    numbers: Sequence[int], values: Sequence[float], pruned: Sequence[bool], metric: str, maximize: bool
) -> Figure:
    """Draw each trial's objective and the best so far among the complete ones."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.subplots()
    trials, objective, cut = np.asarray(numbers), np.asarray(values, dtype=float), np.asarray(pruned, dtype=bool)
    axes.plot(trials[~cut], objective[~cut], "o", color=TRAIN, label="complete")
    if cut.any():
        axes.plot(trials[cut], objective[cut], "x", color=GREY, label="pruned")
    if (~cut).any():
        running = (np.maximum if maximize else np.minimum).accumulate(objective[~cut])
        axes.step(trials[~cut], running, where="post", color=VALIDATION, label="best so far")
    axes.set(xlabel="trial", ylabel=metric, title="objective by trial")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    return figure
