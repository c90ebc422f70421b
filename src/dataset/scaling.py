"""How pixels become the network's input: a factor and a term for each channel."""

import numpy as np
from PIL import Image

CHUNK = 1000  # images at a time, so that counting needs little memory


def histogram(images: np.ndarray) -> np.ndarray:
    """Count each channel's values: int64 [C, 256] for uint8 [N, H, W, C]. Everything below is exact by it."""
    channels = images.shape[-1]
    counts = np.zeros((channels, 256), np.int64)
    for start in range(0, len(images), CHUNK):
        for channel in range(channels):
            plane = images[start : start + CHUNK, ..., channel]
            # Pillow counts bytes four times as fast as np.bincount, which widens them first.
            counts[channel] += Image.fromarray(plane.reshape(len(plane), -1)).histogram()
    return counts


def rescaling(scaling: str, counts: np.ndarray) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """Return `scale` and `offset` of x * scale + offset, one of each for a channel.

    Args:
        scaling: `minmax` maps the smallest and largest value of all channels to 0 and 1, which keeps
            colours; `standardize` gives each channel mean 0 and standard deviation 1; `none` gives None.
        counts: the histogram of the training images.
    """
    if scaling == "none":
        return None, None
    values = np.arange(256)
    if scaling == "minmax":
        seen = values[counts.any(axis=0)]
        low = np.full(len(counts), float(seen.min()))
        spread = np.full(len(counts), float(np.ptp(seen)))
    else:
        total = counts.sum(axis=1)
        low = counts @ values / total
        spread = np.sqrt(np.maximum(0, counts @ values**2 / total - low**2))
    # A channel of one value carries nothing: it becomes 0, not a division by zero.
    spread[spread < 1e-6] = 1.0
    return tuple((1 / spread).tolist()), tuple((0.0 - low / spread).tolist())


def white(counts: np.ndarray) -> float:
    """Return the value of a white pixel: 255, but of images that use less than half of that, their highest value.

    scikit-learn's digits end at 16.
    """
    highest = float(np.flatnonzero(counts.any(axis=0)).max())
    return 255.0 if highest > 127 else max(highest, 1.0)
