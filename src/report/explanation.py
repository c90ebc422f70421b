"""What answers hang on, as pictures."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from src.report.canvas import new_figure, printable
from src.report.evaluation import colours
from src.report.figures import GREY

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 3  # of pairs of pictures
INCHES = 2.0  # of each picture
LEAST = 0.1  # nats of log odds that have the full colour: where all falls are less, none of them is much


def explanations(images: np.ndarray, falls: np.ndarray, texts: Sequence[str], title: str) -> "Figure":
    """Draw images, each beside a grey one in which red is what its answer hangs on, and blue what speaks against it.

    Args:
        images: uint8 [N, H, W, C].
        falls: float32 [N, h, w], by how much the answer's log odds fall where a place is covered.
        texts: A line below each pair.
        title: Above all.
    """
    columns = min(COLUMNS, max(1, len(images)))
    rows = max(1, -(-len(images) // columns))
    ratio = images.shape[1] / images.shape[2] if len(images) else 1.0
    high = INCHES * ratio + 0.3
    figure = new_figure((2 * INCHES * columns, rows * high + 0.5), [*texts, title])
    figure.text(0.5, 1 - 0.2 / (rows * high + 0.5), printable(title), ha="center", va="center", fontsize=9, color=GREY)
    for i, (image, fall, text) in enumerate(zip(images, falls, texts, strict=True)):
        row, column = divmod(i, columns)
        bottom = 1 - (0.5 + (row + 1) * high - 0.3) / (rows * high + 0.5)
        place: Any = (bottom, 0.47 / columns, INCHES * ratio / (rows * high + 0.5))
        plain = colours(image[None])[0]
        for half, picture in enumerate((plain, _with_heat(plain, fall))):
            left = (column + half * 0.5 + 0.015) / columns
            axes = figure.add_axes((left, place[0], place[1], place[2]))
            axes.imshow(picture, aspect="auto", interpolation="nearest")
            axes.axis("off")
        below = bottom - 0.13 / (rows * high + 0.5)
        figure.text((column + 0.5) / columns, below, printable(text), ha="center", va="center", fontsize=8)
    return figure


def _with_heat(image: np.ndarray, fall: np.ndarray) -> np.ndarray:
    """Return an image in grey, uint8 [H, W, 3], coloured by the falls, float32 [h, w]."""
    from PIL import Image

    largest = max(float(np.abs(fall).max()), LEAST)
    smooth = Image.fromarray(fall / largest).resize(image.shape[1::-1], Image.Resampling.BILINEAR)
    strength = np.asarray(smooth)[..., None].clip(-1, 1)
    grey = np.repeat(image.mean(axis=-1, keepdims=True) * 0.6 + 80, 3, axis=-1)
    colour = np.where(strength > 0, [200.0, 30.0, 30.0], [40.0, 80.0, 200.0])
    share = 0.75 * np.abs(strength)
    return (grey * (1 - share) + colour * share).clip(0, 255).astype(np.uint8)
