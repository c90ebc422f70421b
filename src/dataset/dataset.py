"""What the rest of the application sees of a dataset."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np


class DatasetError(Exception):
    """Something that the user has to put right; the message says what and how."""


class Split(NamedTuple):
    """Images uint8 [N, H, W, C]; labels int32 [N], or float32 [N, classes] when one-hot."""

    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Preprocessing:
    """How an image file becomes what a network is given, and what it answers; kept with each model.

    Attributes:
        image_size: height and width.
        fit: what becomes of an image of another shape: `stretch`, `crop` or `pad`.
        channels: 1 or 3.
        value_range: the values that become 0 and 255 in an image of more than 8 bits; None where there was none.
        scaling: what the network's own first layer does then.
        class_names: the name of each of the network's outputs.
    """

    image_size: tuple[int, int]
    fit: str
    channels: int
    value_range: tuple[float, float] | None
    scaling: str
    class_names: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self) | {"image_size": list(self.image_size), "class_names": list(self.class_names)}

    @classmethod
    def of(cls, read: Mapping[str, Any]) -> "Preprocessing":
        """Return what `as_dict` wrote.

        Raises:
            KeyError, TypeError, ValueError: It is none.
        """
        height, width = read["image_size"]
        low_high = read["value_range"]
        return cls(
            (int(height), int(width)),
            str(read["fit"]),
            int(read["channels"]),
            None if low_high is None else (float(low_high[0]), float(low_high[1])),
            str(read["scaling"]),
            tuple(map(str, read["class_names"])),
        )


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
        preprocessing: how an image of the same kind is to be prepared for the network.
        names: the file of each image by part, where the data came in files.
        digests: names the content of each part: its images, prepared, and their labels.
        notes: how the data was read, and what was left out: lines for the user.
        white: the value of a white pixel: 255, but of images that are all dark, as the digits, their highest.
    """

    name: str
    train: Split
    validation: Split
    test: Split | None
    class_names: tuple[str, ...]
    scale: tuple[float, ...] | None
    offset: tuple[float, ...] | None
    skipped: tuple[str, ...] = field(default=())
    preprocessing: Preprocessing | None = None
    names: Mapping[str, np.ndarray] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    white: float = 255.0

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        _, height, width, channels = self.train.images.shape
        return height, width, channels
