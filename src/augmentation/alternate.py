"""airbench's alternating flip: Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (2024), section 3.6.

A coin for each image and epoch shows half of the images the same way round in two epochs that follow one another. Here
the coin falls once, and turns over with each epoch: any two such epochs show all images both ways.
"""

from zlib import crc32

import numpy as np


def mirrored(count: int, seed: int, epoch: int) -> np.ndarray:
    """Return which of `count` images are mirrored left to right in an epoch, counted from 0: bool [count]."""
    coins = np.random.default_rng([seed, crc32(b"alternating_flip")]).integers(0, 2, count)
    return coins != epoch % 2
