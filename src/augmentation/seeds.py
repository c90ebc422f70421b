"""Seeds for what is drawn beside other things."""

from zlib import crc32

import numpy as np


def seed_of(seed: int, name: str) -> int:
    """Return the seed of one kind of augmentation: no two draw the same numbers, and none others beside another."""
    return int(np.random.SeedSequence([seed, crc32(name.encode())]).generate_state(1)[0] >> 1)
