"""Where a dataset comes from: what identifies its data, and how to put it into the cache."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from src.dataset import cache
from src.dataset.dataset import DatasetError, Split

PARTS = ("train", "validation", "test")


class Source(NamedTuple):
    """A dataset that has been found, not read yet.

    Attributes:
        key: identifies the data by content, as JSON can hold it.
        build: writes `<part>_images.npy` and `<part>_labels.npy` into a folder, for the parts that the data
            has (`train` always), and returns {"class_names": [...], "skipped": [...]}.
    """

    key: Any
    build: Callable[[Path], dict[str, Any]]


def from_arrays(key: Any, class_names: Sequence[str], read: Callable[[], dict[str, Split]]) -> Source:
    """Make a source of a function that returns whole parts: uint8 [N, H, W, C] and integers [N]."""

    def build(folder: Path) -> dict[str, Any]:
        for part, (images, labels) in read().items():
            check_labels(part, labels, class_names)
            cache.save(folder / f"{part}_images.npy", images)
            cache.save(folder / f"{part}_labels.npy", labels.astype(np.int32))
        return {"class_names": list(class_names), "skipped": []}

    return Source(key, build)


def check_labels(part: str, labels: np.ndarray, class_names: Sequence[str]) -> None:
    """Refuse a part without images, labels without a class, and a training part that lacks a class."""
    classes = len(class_names)
    if part != "train" and not labels.size:
        raise DatasetError(f"the {part} part has no readable image; add some, or remove the part")
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        raise DatasetError(
            f"the labels of the {part} part must be from 0 to {classes - 1}, one of {classes} classes, "
            f"got {labels.min()} to {labels.max()}; is `dataset.path` the dataset that `dataset` names?"
        )
    if part == "train":
        counts = np.bincount(labels.astype(np.int64), minlength=classes)
        missing = [name for name, count in zip(class_names, counts, strict=True) if count == 0]
        if missing:
            raise DatasetError(f"no training image of class {', '.join(missing)}; add some, or remove the class")
