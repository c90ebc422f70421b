"""The pictures of an evaluation: where a model errs, how sure it may be, and what it makes of worse images.

A gallery is one picture in one axes: an axes for each image would take ten times as long to draw.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from src.report.canvas import new_figure, printable, shown
from src.report.figures import GREY, TRAIN, VALIDATION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 6  # of the gallery of mistakes
LONGEST = 18  # letters of a class name that fit below an image
LONGEST_FILE = 28  # of a file's name
SMALLEST, LARGEST = 64, 96  # pixels of an image's side in a gallery


def thumbnails(images: np.ndarray) -> np.ndarray:
    """Return uint8 images [..., H, W, C] with so few of their pixels that a gallery of them stays small."""
    step = -(-max(images.shape[-3:-1]) // LARGEST)
    return images[..., ::step, ::step, :]


def mistakes(
    images: np.ndarray,
    true: np.ndarray,
    predicted: np.ndarray,
    confidence: np.ndarray,
    class_names: Sequence[str],
    title: str,
    files: Sequence[str] | None = None,
) -> "Figure":
    """Draw wrongly classified images, below each what it was taken for, how surely, what it is, and its file.

    Args:
        images: uint8 [N, H, W, C].
        true, predicted: integer [N], indices of classes.
        confidence: float [N], the probability of the predicted class.
        files: The name of each image's file, where it has one.
    """
    names, room = shown(class_names, LONGEST), 0.34 + 0.12 * (files is not None)
    paths = [] if files is None else list(files)
    figure, axes = _gallery(images, COLUMNS, inches=1.45, left=0.1, below=room, texts=[*class_names, *paths])
    axes.set_title(title if len(images) else f"{title}: none", fontsize=10, loc="left")  # where few images are
    for i, (is_, taken, sure) in enumerate(zip(true, predicted, confidence, strict=True)):
        row, column = divmod(i, COLUMNS)
        below: Any = {"xy": (column + 0.48, row + 1), "textcoords": "offset points", "ha": "center", "fontsize": 8}
        lift = 9 * (files is not None)
        axes.annotate(f"{names[int(taken)]} {sure:.2f}", xytext=(0, 17 + lift), color=VALIDATION, **below)
        axes.annotate(names[int(is_)], xytext=(0, 7 + lift), **below)
        if files is not None:
            axes.annotate(_end(printable(files[i])), xytext=(0, 7), color=GREY, **below | {"fontsize": 6})
    return figure


def altered_copies(examples: np.ndarray, labels: Sequence[str], title: str) -> "Figure":
    """Draw images and, a row each, their altered copies, uint8 [rows, N, H, W, C], with a label before each row."""
    figure, axes = _gallery(np.concatenate(examples), examples.shape[1], inches=1.0, left=1.5, below=0)
    axes.set_title(title, fontsize=11)
    for row, label in enumerate(labels):
        axes.text(-0.08, row + 0.5, label, ha="right", va="center", fontsize=9)
    return figure


def reliability_diagram(
    counts: np.ndarray, confidence: np.ndarray, accuracy: np.ndarray, ece: float, title: str
) -> "Figure":
    """Draw the accuracy by confidence, the gap to what the confidence claims, and how many images each bin has.

    Args:
        counts, confidence, accuracy: [bins], as in `Calibration`.
    """
    figure = new_figure((5.2, 5.6))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    figure.subplots_adjust(left=0.15, right=0.97, bottom=0.09, top=0.93, hspace=0.08)
    bins, some = len(counts), counts > 0
    middles, width = (np.arange(bins) + 0.5) / bins, 0.92 / bins
    upper.bar(middles[some], accuracy[some], width, color=TRAIN, label="accuracy")
    gap, outline = (confidence - accuracy)[some], {"facecolor": "none", "edgecolor": VALIDATION, "hatch": "///"}
    upper.bar(middles[some], gap, width, accuracy[some], **outline, label="gap to the mean confidence")
    upper.plot([0, 1], [0, 1], ":", color="black", label="perfect calibration")
    upper.set(ylabel="accuracy", xlim=(0, 1), ylim=(0, 1), title=f"{title}: ECE {ece:.4f}")
    upper.legend(loc="upper left", fontsize=9)
    lower.bar(middles, counts / max(counts.sum(), 1), width, color=GREY)
    lower.set(xlabel="confidence", ylabel="share of images")
    for axes in (upper, lower):
        axes.grid(alpha=0.25)
    return figure


def _gallery(
    images: np.ndarray, columns: int, inches: float, left: float, below: float, texts: Sequence[str] = ()
) -> tuple["Figure", "Axes"]:
    """Lay images [N, H, W, C] out in rows; in the axes, a cell is 1 wide and 1 high, from the upper left corner.

    Args:
        inches: The width of a cell.
        left: Inches that stay free beside the rows.
        below: Inches that stay free below each image.
    """
    rows = max(1, -(-len(images) // columns))
    factor = -(-SMALLEST // images.shape[2])
    images = colours(images).repeat(factor, axis=1).repeat(factor, axis=2)
    _, high, wide, _ = images.shape
    gap = wide // 20
    across, down = wide + gap, high + gap + round(below / inches * wide)
    canvas = np.full((rows * down, columns * across, 3), 255, np.uint8)
    for i, image in enumerate(images):
        row, column = divmod(i, columns)
        canvas[row * down :, column * across :][:high, :wide] = image
    width, height = columns * inches, rows * inches * down / across
    whole = (left + width + 0.1, height + 0.4)
    figure = new_figure(whole, texts)
    axes = figure.add_axes((left / whole[0], 0.02, width / whole[0], height / whole[1] - 0.02))
    axes.imshow(canvas, extent=(0, columns, rows, 0), aspect="auto")
    axes.axis("off")
    return figure, axes


def colours(images: np.ndarray) -> np.ndarray:
    """Return images as RGB; grey ones with their extremes as black and white, since not all have 255 for white."""
    if images.shape[-1] == 3 or not images.size:
        return images if images.shape[-1] == 3 else images.repeat(3, axis=-1)
    low, high = float(images.min()), float(images.max())
    return ((images - low) * (255 / max(high - low, 1))).astype(np.uint8).repeat(3, axis=-1)


def _end(path: str) -> str:
    """Return the end of a path, in which files differ."""
    return path if len(path) <= LONGEST_FILE else f"…{path[1 - LONGEST_FILE :]}"
