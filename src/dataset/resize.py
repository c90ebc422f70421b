"""Write chosen images of an array to the cache, of the size, shape and channels that are asked for."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from src.dataset import cache
from src.dataset.cores import cores
from src.dataset.decode import with_channels

CHUNK = 512  # images that a thread handles at a time


def write(
    path: Path,
    images: np.ndarray,
    indices: np.ndarray,
    size: tuple[int, int] | None,
    fit: str = "stretch",
    channels: int | None = None,
) -> np.ndarray:
    """Write `images[indices]` to a `.npy` file.

    Args:
        path: the file.
        images: uint8 [N, H, W, C].
        indices: which images, in which order.
        size: [height, width] to resize to, bilinear and without aliasing; None keeps the size.
        fit: what becomes of images of another shape: `stretch`, `crop` or `pad`.
        channels: 1 or 3; None keeps them.

    Returns:
        What was written, uint8 [len(indices), height, width, channels], mapped.
    """
    height, width = size or images.shape[1:3]
    wanted = channels or images.shape[3]
    out = cache.create(path, (len(indices), height, width, wanted), np.uint8)

    def fill(start: int) -> None:
        chosen = images[indices[start : start + CHUNK]]
        out[start : start + CHUNK] = with_channels(_fitted(chosen, (height, width), fit), wanted)

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(fill, range(0, len(indices), CHUNK)))
    return out


def _fitted(images: np.ndarray, size: tuple[int, int], fit: str) -> np.ndarray:
    height, width = images.shape[1:3]
    if (height, width) == size:
        return images
    if fit == "crop":  # the largest part in the middle that has the shape
        part_height, part_width = _inside((height, width), size)
        top, left = (height - part_height) // 2, (width - part_width) // 2
        return _resized(images[:, top : top + part_height, left : left + part_width], *size)
    if fit == "pad":
        inner_height, inner_width = _inside(size, (height, width))
        top, left = (size[0] - inner_height) // 2, (size[1] - inner_width) // 2
        out = np.zeros((len(images), *size, images.shape[3]), np.uint8)
        out[:, top : top + inner_height, left : left + inner_width] = _resized(images, inner_height, inner_width)
        return out
    return _resized(images, *size)


def _inside(box: tuple[int, int], shape: tuple[int, int]) -> tuple[int, int]:
    """Return the largest [height, width] of the proportions of `shape` that lies in a box."""
    factor = min(box[0] / shape[0], box[1] / shape[1])
    return max(1, round(shape[0] * factor)), max(1, round(shape[1] * factor))


def _resized(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize as Pillow does, first along rows, then along columns, but all images in two calls."""
    wide = _along_rows(images, width)
    return _along_rows(wide.swapaxes(1, 2), height).swapaxes(1, 2)


def _along_rows(images: np.ndarray, width: int) -> np.ndarray:
    """Resize the third axis of uint8 [N, H, W, C]: every row of every channel is a row of one grey image."""
    rows = np.moveaxis(images, 3, 1)
    tall = Image.fromarray(rows.reshape(-1, images.shape[2]))
    resized = np.asarray(tall.resize((width, tall.height), Image.Resampling.BILINEAR))
    return np.moveaxis(resized.reshape(*rows.shape[:3], width), 1, 3)
