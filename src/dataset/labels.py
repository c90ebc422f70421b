"""Labels as people have them, integers, one-hot or text, as numbers from 0 and names."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from src.dataset.dataset import DatasetError
from src.dataset.found import alike
from src.dataset.walk import shown

NAMED = 5  # labels that a message names


def number(
    labels: Mapping[str, np.ndarray], class_names: Sequence[str] | None, what: Mapping[str, str]
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Number the labels of all parts from 0.

    Args:
        labels: by part, `train` always: integers (floats that are whole) [N] or [N, 1], one-hot [N, classes], or
            text [N].
        class_names: the name of label 0, 1, ...; None to take them from the training part: the numbers, or the texts
            in alphabetical order.
        what: what each part's labels are called, for messages.

    Returns:
        int32 [N] by part; and the name of each class.

    Raises:
        DatasetError: Labels of other kinds, of fewer than two classes, or that the training part does not have.
    """
    flat = {part: _flat(values, what[part]) for part, values in labels.items()}
    if class_names is not None and flat["train"].dtype.kind != "U":
        known = [str(name) for name in class_names]
        _check_several(known, what["train"])
        for part, values in flat.items():
            _check_whole(values, what[part])
            if len(values) and not 0 <= values.min() <= values.max() < len(known):
                raise DatasetError(
                    f"{what[part]} must be from 0 to {len(known) - 1}, one of {len(known)} class names, got "
                    f"{values.min()} to {values.max()}"
                )
        return {part: values.astype(np.int32) for part, values in flat.items()}, known
    for part, values in flat.items():
        if values.dtype.kind != flat["train"].dtype.kind:
            raise DatasetError(
                f"{what[part]} must be {_kind(flat['train'])} as those of the training part, got {_kind(values)}"
            )
    classes = _classes(flat["train"], class_names)
    _check_several(classes, what["train"])
    for part, values in flat.items():
        if unknown := sorted(set(np.unique(values).tolist()) - set(classes)):
            count = int(np.isin(values, unknown).sum())
            meant = alike(map(str, [*classes, *unknown]))
            raise DatasetError(
                f"{what[part]} must be labels that the training part has, got {_listed(unknown)} "
                f"({count} image{'s' * (count != 1)}); add training images of them, or take these out; there are "
                f"{_listed(classes)}"
                + (f"; write them alike: {_listed(meant)} are of two classes as they are" if meant else "")
            )
    order = np.argsort(np.array(classes))
    return {
        part: order[np.searchsorted(np.array(classes), values, sorter=order)].astype(np.int32)
        for part, values in flat.items()
    }, [shown(str(name)) for name in classes]


def _classes(train: np.ndarray, class_names: Sequence[str] | None) -> list[Any]:
    found = np.unique(train).tolist()
    if class_names is None:
        return found
    known = [str(name) for name in class_names]
    if missing := [name for name in known if name not in found]:
        raise DatasetError(f"no training image of class {_listed(missing)}; add some, or take the class name out")
    return known


def _check_several(classes: Sequence[Any], what: str) -> None:
    if len(classes) < 2:
        raise DatasetError(f"{what} must hold at least two classes, got {_listed(classes) or 'none'}")


def _flat(values: np.ndarray, what: str) -> np.ndarray:
    """Return integers or text [N]."""
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.dtype.kind in "SO":
        values = _as_text(values, what)
    if values.ndim == 2 and values.dtype.kind in "biuf":
        ones = (values == 1).sum(axis=1)
        if not ((ones == 1) & ((values == 0).sum(axis=1) == values.shape[1] - 1)).all():
            raise DatasetError(
                f"{what} must be one label an image, got rows of {values.shape[1]} values that are not one-hot"
            )
        return values.argmax(axis=1)
    if values.ndim != 1 or values.dtype.kind not in "biufU":
        raise DatasetError(
            f"{what} must be integers or text [N], or one-hot [N, classes], got {values.dtype} {list(values.shape)}"
        )
    if values.dtype.kind == "f":
        _check_whole(values, what)
    return values if values.dtype.kind == "U" else values.astype(np.int64)


def _as_text(values: np.ndarray, what: str) -> np.ndarray:
    kinds = {type(value) for value in values.ravel()}
    if kinds <= {bool, int, np.int64, np.int32, np.uint8}:
        return values.astype(np.int64)
    missing = sum(value is None or value != value for value in values.ravel())
    if missing:
        raise DatasetError(
            f"{what} must have a label for each image, got {missing} without one; fill them, or take them out"
        )
    return np.array([v.decode(errors="replace") if isinstance(v, bytes) else str(v) for v in values.ravel()], str)


def _check_whole(values: np.ndarray, what: str) -> None:
    if values.dtype.kind == "f" and not (np.isfinite(values).all() and (values == np.round(values)).all()):
        odd = values[~np.isfinite(values) | (values != np.round(values))]
        raise DatasetError(f"{what} must be whole numbers, got {odd[0]:g}; {len(odd)} are not")


def _kind(values: np.ndarray) -> str:
    return "text" if values.dtype.kind == "U" else "numbers"


def _listed(names: Sequence[Any]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(shown(str(name)) for name in names[:NAMED]) + more
