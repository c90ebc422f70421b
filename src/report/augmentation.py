from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from src.report.canvas import new_figure, printable, shown
from src.report.canvas import width as columns_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WHITE = 255
NAME = 14  # columns of a class's name in a caption


def augmentation_grid(
    originals: np.ndarray,
    variants: np.ndarray,
    names: Sequence[str],
    title: str,
    shares: np.ndarray | None = None,
    class_names: Sequence[str] = (),
) -> "Figure":
    """Draw a row for each image: its class, the original, a gap, and its variants. The brightest pixel is white.

    Args:
        originals: uint8 [N, H, W, C]; the channels are grey, or red, green and blue.
        variants: uint8 [N, V, H, W, C].
        names: The class of each image.
        shares: The mixed label of each variant, float32 [N, V, classes], which stands below it; None for none.
        class_names: The name of each of those classes.
    """
    count, height, width, channels = originals.shape
    columns, gap = 1 + variants.shape[1], max(1, width // 16)
    below = gap if shares is None else round(width * 0.4)  # pixels between two rows
    lefts = [column * (width + gap) + 2 * gap * (column > 0) for column in range(columns)]
    brighter = WHITE / max(1, originals.max())  # the digits' pixels end at 16
    # One picture of all: an axes for each would take most of a second.
    foot = 0 if shares is None else below
    canvas = np.full((count * (height + below) - below + foot, lefts[-1] + width, channels), WHITE, np.uint8)
    for row, (original, others) in enumerate(zip(originals, variants, strict=True)):
        top = row * (height + below)
        for left, picture in zip(lefts, [original, *others], strict=True):
            canvas[top : top + height, left : left + width] = np.minimum(picture * brighter, WHITE)
    inch = 0.75 / width  # a pixel
    across, down = canvas.shape[1] * inch, canvas.shape[0] * inch
    labels = shown(names)
    left, right, bottom, top = (
        0.3 + 0.08 * max(map(columns_of, labels)),
        0.15,
        0.15,
        0.65,
    )  # inches beside and around it
    size = left + across + right, bottom + down + top
    figure = new_figure(size, [*names, *class_names], dpi=150)
    axes = figure.add_axes((left / size[0], bottom / size[1], across / size[0], down / size[1]))
    axes.imshow(canvas.squeeze(), cmap="gray", vmin=0, vmax=WHITE, interpolation="nearest", aspect="auto")
    axes.set_yticks([row * (height + below) + height / 2 for row in range(count)], labels)
    axes.set_xticks([width / 2, (lefts[1] + lefts[-1] + width) / 2], ["original", "variants"])
    if shares is not None:
        short = shown(class_names, NAME)
        for (row, column), text in zip(np.ndindex(shares.shape[:2]), _captions(shares, short), strict=True):
            place = lefts[column + 1] + width / 2, row * (height + below) + height
            axes.text(*place, text, ha="center", va="top", fontsize=5, linespacing=1)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.suptitle(printable(title), fontsize=11, y=1 - 0.1 / size[1], va="top")
    return figure


def _captions(shares: np.ndarray, names: Sequence[str]) -> list[str]:
    """Say in up to two lines what each mixed label [..., classes] holds: the larger part first."""
    labels = shares.reshape(-1, shares.shape[-1])
    parts = [[index for index in np.argsort(-label, kind="stable")[:2] if label[index] >= 0.005] for label in labels]
    return [
        "\n".join(f"{label[index]:.0%} {names[index]}" for index in held)
        for label, held in zip(labels, parts, strict=True)
    ]
