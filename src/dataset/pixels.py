"""Arrays of images as people have them, of any type of number, as uint8 [N, H, W, C]."""

from collections.abc import Iterator, Mapping

import numpy as np

from src.dataset import value_range
from src.dataset.dataset import DatasetError
from src.dataset.decode import RARE, Deep, within

CHUNK = 1000  # images at a time, so that looking through them needs little memory
CHANNELS = (1, 3)
UNLIKE = 30  # so many times the range of the training part's values, or its part, is in other units


def as_bytes(
    images: Mapping[str, np.ndarray], what: Mapping[str, str]
) -> tuple[dict[str, np.ndarray], tuple[float, float] | None, list[str]]:
    """Bring the images of all parts into one form.

    Whole numbers from 0 to 255 stay what they are, whatever their type; of others, the range that the training part
    uses becomes 0 to 255.

    Args:
        images: by part, `train` always: [N, H, W], [N, H, W, C] or [N, C, H, W] of any real numbers.
        what: what each part's array is called, for messages.

    Returns:
        uint8 [N, H, W, C] by part; the values that became 0 and 255, None where none were changed; and notes.

    Raises:
        DatasetError: Arrays of other shapes, of no images, of other numbers of pixels than the training part's, or
            with values that are NaN or infinite.
    """
    notes: list[str] = []
    shaped = {part: _with_channels(array, what[part], notes) for part, array in images.items()}
    for part, array in shaped.items():
        if array.shape[1:] != shaped["train"].shape[1:]:
            raise DatasetError(
                f"{what[part]} must be of {_size(shaped['train'])} as {what['train']}, got {_size(array)}"
            )
        _check_finite(array, what[part])
    if all(_fits(array) for array in shaped.values()):
        return {part: array.astype(np.uint8, copy=False) for part, array in shaped.items()}, None, notes
    train = shaped["train"]
    span = _span(train)
    for part, array in shaped.items():
        if part != "train":
            _check_like(array, what[part], train, what["train"], span)
    notes.append(f"values of {train.dtype} from {span[0]:g} to {span[1]:g} become 0 to 255")
    return {part: _scaled(array, span) for part, array in shaped.items()}, span, notes


def _with_channels(array: np.ndarray, what: str, notes: list[str]) -> np.ndarray:
    if array.dtype.kind not in "biuf" or array.ndim not in (3, 4) or 0 in array.shape:
        raise DatasetError(
            f"{what} must be images, numbers [N, H, W] or [N, H, W, C], got {array.dtype} {list(array.shape)}"
        )
    if array.ndim == 3:
        return array[..., np.newaxis]
    if array.shape[3] not in CHANNELS and array.shape[1] in CHANNELS:
        note = f"images of {list(array.shape[1:])} are read as channels first"
        notes += [] if note in notes else [note]
        return np.moveaxis(array, 1, 3)
    if array.shape[3] not in CHANNELS:
        raise DatasetError(f"{what} must have 1 channel or 3, got {array.shape[3]} in {list(array.shape)}")
    return array


def _check_finite(array: np.ndarray, what: str) -> None:
    if array.dtype.kind != "f":
        return
    bad = np.concatenate([~np.isfinite(chunk).all(axis=(1, 2, 3)) for chunk in _chunks(array)])
    if bad.any():
        raise DatasetError(
            f"{what} must be finite numbers, got NaN or infinity in {bad.sum()} of {len(bad)} images, the first at "
            f"{what}[{bad.argmax()}]; take them out, or fill them"
        )


def _check_like(array: np.ndarray, what: str, train: np.ndarray, trained: str, span: tuple[float, float]) -> None:
    """Refuse a part in other units: of one from 0 to 1 beside one from 0 to 255 nothing would be seen."""
    if array.min() == array.max() or train.min() == train.max():
        return
    low, high = _span(array)
    if not 1 / UNLIKE < (high - low) / (span[1] - span[0]) < UNLIKE:
        raise DatasetError(
            f"{what} must be in the units of {trained}, {train.dtype} from {span[0]:g} to {span[1]:g}, got "
            f"{array.dtype} from {low:g} to {high:g}; scale both alike"
        )


def _span(array: np.ndarray) -> tuple[float, float]:
    return value_range.choose([_measured(chunk) for chunk in _chunks(array)])


def _fits(array: np.ndarray) -> bool:
    """Tell whether all values are whole numbers from 0 to 255, and of more than two kinds."""
    if array.dtype == np.uint8:
        return True
    if array.dtype.kind == "b":
        return False
    low, high = array.min(), array.max()
    if low < 0 or high > 255 or high <= 1:
        return False
    return array.dtype.kind != "f" or all((chunk == np.round(chunk)).all() for chunk in _chunks(array))


def _measured(chunk: np.ndarray) -> Deep:
    values = chunk.astype(np.uint8) if chunk.dtype.kind == "b" else chunk
    usual = np.quantile(values, (RARE, 1 - RARE))
    return Deep(values.shape[3] == 1, float(values.min()), float(usual[0]), float(usual[1]), float(values.max()))


def _scaled(array: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    return np.concatenate([within(chunk, span) for chunk in _chunks(array)])


def _chunks(array: np.ndarray) -> Iterator[np.ndarray]:
    return (array[start : start + CHUNK] for start in range(0, len(array), CHUNK))


def _size(array: np.ndarray) -> str:
    height, width, channels = array.shape[1:]
    return f"{height}x{width} pixels and {channels} channel{'s' if channels > 1 else ''}"
