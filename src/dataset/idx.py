"""IDX, the format in which MNIST and Fashion-MNIST are published.

Layout: two zero bytes, a type (8: unsigned bytes), the number of dimensions, each dimension as a big-endian
32-bit integer, then the values; often compressed by gzip.
"""

import struct

import numpy as np

from src.dataset.dataset import DatasetError

UNSIGNED_BYTE = 8


def matches(head: bytes) -> bool:
    """Tell by the first bytes whether a file holds unsigned bytes in 1, 3 or 4 dimensions."""
    return head[:3] == bytes([0, 0, UNSIGNED_BYTE]) and len(head) > 3 and head[3] in (1, 3, 4)


def decode(content: bytes, name: str) -> np.ndarray:
    """Return the values of a file, uint8 in the dimensions that it states; `name` is for messages.

    Raises:
        DatasetError: the file is longer or shorter than its header says.
    """
    dimensions = content[3]
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise DatasetError(f"{name} ends within its header; fetch it again")
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    stated = int(np.prod(shape, dtype=object))
    if len(content) - start != stated:
        raise DatasetError(
            f"{name} must hold {stated} values by its header, got {len(content) - start}; fetch it again"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
