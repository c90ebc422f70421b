"""Where a dataset comes from: what identifies its data, and how to put it into the cache."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from src.dataset import cache
from src.dataset.dataset import DatasetError, Split

PARTS = ("train", "validation", "test")


TOLD = 10  # skipped files that a line names of each reason; `Dataset.skipped` has them all


class Source(NamedTuple):
    """A dataset that has been found, not read yet.

    Attributes:
        key: identifies the data by content, as JSON can hold it.
        build: writes `<part>_images.npy`, `<part>_labels.npy` and perhaps `<part>_names.npy` (of the files) and
            `train_folds.npy` into a folder, for the parts that the data has (`train` always), and returns
            `class_names`, `skipped` (why, by file), `value_range` (what became 0 and 255, or None) and `notes` (lines
            for the user).
        notes: how it was read, a line each.
        skipped: why files that were found are not read, by file.
        class_names: the name of each label, where that is known before anything is read.
        labels: of each part, [N], with those of files that may prove to be unreadable, where they are known as early.
        folds: of the training images, [N]: in which fold each validates, from 0; None where nothing says it.
    """

    key: Any
    build: Callable[[Path], dict[str, Any]]
    notes: Sequence[str] = ()
    skipped: Mapping[str, str] = MappingProxyType({})
    class_names: Sequence[str] = ()
    labels: Mapping[str, np.ndarray] = MappingProxyType({})
    folds: np.ndarray | None = None


def from_arrays(key: Any, class_names: Sequence[str], read: Callable[[], dict[str, Split]]) -> Source:
    """Make a source of a function that returns whole parts: uint8 [N, H, W, C] and integers [N]."""

    def build(folder: Path) -> dict[str, Any]:
        for part, (images, labels) in read().items():
            check_labels(part, labels, class_names)
            cache.save(folder / f"{part}_images.npy", images)
            cache.save(folder / f"{part}_labels.npy", labels.astype(np.int32))
        return {"class_names": list(class_names), "skipped": {}, "value_range": None, "notes": []}

    return Source(key, build, class_names=class_names)


def check_labels(
    part: str, labels: np.ndarray, class_names: Sequence[str], skipped: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Refuse a part without images, labels without a class, and a training part that lacks a class.

    Args:
        part: `train`, `validation` or `test`.
        labels: of its images.
        class_names: of all classes.
        skipped: why files were not read, for the message.
    """
    classes = len(class_names)
    why = f"; {told(skipped, most=3)}" if skipped else ""
    if part != "train" and not labels.size:
        raise DatasetError(f"the {part} part has no readable image; add some, or remove the part{why}")
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        raise DatasetError(
            f"the labels of the {part} part must be from 0 to {classes - 1}, one of {classes} classes, "
            f"got {labels.min()} to {labels.max()}; is `dataset.path` the dataset that `dataset` names?"
        )
    if part == "train":
        counts = np.bincount(labels.astype(np.int64), minlength=classes)
        missing = [name for name, count in zip(class_names, counts, strict=True) if count == 0]
        if missing:
            raise DatasetError(f"no training image of class {', '.join(missing)}; add some, or remove the class{why}")


def told(skipped: Mapping[str, str], count: int | None = None, most: int = TOLD) -> str:
    """Name skipped files in one line, by what is wrong with them.

    Args:
        skipped: the reason of each, by its name.
        count: how many files there were.
        most: so many are named of each reason.
    """
    reasons: dict[str, list[str]] = {}
    for file in sorted(skipped):
        reasons.setdefault(skipped[file], []).append(file)
    lists = []
    for reason, files in reasons.items():
        more = f" and {len(files) - most} more" if len(files) > most else ""
        lists.append(f"{reason} ({', '.join(files[:most])}{more})")
    of = f" of {count}" if count is not None else ""
    return f"skipped {len(skipped)}{of} files: {'; '.join(lists)}"
