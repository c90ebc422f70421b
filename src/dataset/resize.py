"""Write chosen images of an array to the cache, resized if asked for."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from src.dataset import cache
from src.dataset.cores import cores

CHUNK = 512  # images that a thread handles at a time


def write(path: Path, images: np.ndarray, indices: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """Write `images[indices]` to a `.npy` file.

    Args:
        path: the file.
        images: uint8 [N, H, W, C].
        indices: which images, in which order.
        size: [height, width] to resize to, bilinear and without aliasing; None keeps the size.

    Returns:
        What was written, uint8 [len(indices), height, width, C], mapped.
    """
    height, width = size or images.shape[1:3]
    out = cache.create(path, (len(indices), height, width, images.shape[3]), np.uint8)

    def fill(start: int) -> None:
        chosen = images[indices[start : start + CHUNK]]
        same = (height, width) == images.shape[1:3]
        out[start : start + CHUNK] = chosen if same else _resized(chosen, height, width)

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(fill, range(0, len(indices), CHUNK)))
    return out


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
