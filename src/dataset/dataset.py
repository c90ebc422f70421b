"""What the rest of the application sees of a dataset."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np


class DatasetError(Exception):
    """Something that the user has to put right; the message says what and how."""


class Split(NamedTuple):
    """Images uint8 [N, H, W, C]; labels int32 [N], or float32 [N, classes] when one-hot."""

    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Dataset:
    """Images in memory-mapped arrays (read-only), and how the network's first layer is to scale them.

    Attributes:
        name: the dataset's name.
        train: what is trained on.
        validation: what the search optimizes.
        test: plays no part in the search; None where the data has no such part.
        class_names: the name of each label.
        scale: factor for each channel, or None for no scaling; the input is `images * scale + offset`.
        offset: term for each channel, or None for no scaling.
        skipped: files that could not be read, by their path in the folder.
    """

    name: str
    train: Split
    validation: Split
    test: Split | None
    class_names: tuple[str, ...]
    scale: tuple[float, ...] | None
    offset: tuple[float, ...] | None
    skipped: tuple[str, ...] = field(default=())

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        _, height, width, channels = self.train.images.shape
        return height, width, channels
