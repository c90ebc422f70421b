"""Which array holds the images, which the labels, and which are for training."""

from collections.abc import Mapping

import numpy as np

from src.dataset.dataset import DatasetError, Split


def pair(arrays: Mapping[str, np.ndarray], place: str) -> dict[str, Split]:
    """Sort arrays into parts by their shapes; names decide only between arrays of the same length.

    Args:
        arrays: by name; three or four dimensions are images, one (or [N, 1]) are labels.
        place: where they come from, for messages.

    Returns:
        `train`, and `test` if there are two pairs: the smaller one.

    Raises:
        DatasetError: images and labels of different number, none at all, or more than two pairs.
    """
    images = _distinct({name: array for name, array in arrays.items() if array.ndim in (3, 4)})
    labels = _distinct({name: array.reshape(-1) for name, array in arrays.items() if _is_labels(array)})
    if not images:
        raise DatasetError(f"no images in {place}")
    pairs = {}
    for name, pixels in images.items():
        _check_pixels(name, pixels)
        pairs[name] = Split(_with_channels(pixels), labels[_partner(name, len(pixels), labels)])
    if len(pairs) > 2:
        raise DatasetError(f"{place} must hold one dataset, got images in {', '.join(pairs)}")
    ordered = sorted(pairs, key=lambda name: (-len(pairs[name].labels), _is_test(name)))
    if len(ordered) == 2 and _rank(pairs, ordered[0]) == _rank(pairs, ordered[1]):
        raise DatasetError(
            f"cannot tell which of {' and '.join(ordered)} are for testing: they are of the same number; "
            "put `test` into the names of those that are"
        )
    return {part: pairs[name] for part, name in zip(("train", "test"), ordered, strict=False)}


def _rank(pairs: Mapping[str, Split], name: str) -> tuple[int, bool]:
    return len(pairs[name].labels), _is_test(name)


def _is_labels(array: np.ndarray) -> bool:
    flat = array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 1)
    return flat and np.issubdtype(array.dtype, np.integer)


def _is_test(name: str) -> bool:
    return "test" in name.lower() or "t10k" in name.lower()


def _distinct(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Drop copies: the published files often lie beside their decompressed twins.

    Labels may be equal by chance only if their names say different parts.
    """
    kept: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        twins = (k for k in kept if _is_test(k) == _is_test(name) and np.array_equal(kept[k], array))
        if next(twins, None) is None:
            kept[name] = array
    return kept


def _partner(name: str, count: int, labels: Mapping[str, np.ndarray]) -> str:
    fitting = [other for other in labels if len(labels[other]) == count]
    if not fitting:
        got = ", ".join(f"{len(array)} in {other}" for other, array in labels.items()) or "none"
        raise DatasetError(f"{name} holds {count} images and must have as many labels, got {got}")
    return next((other for other in fitting if _is_test(other) == _is_test(name)), fitting[0])


def _check_pixels(name: str, pixels: np.ndarray) -> None:
    if pixels.dtype != np.uint8:
        raise DatasetError(f"the images in {name} must be uint8 (0 to 255), got {pixels.dtype}")
    if 0 in pixels.shape:
        raise DatasetError(f"the images in {name} are empty: their shape is {list(pixels.shape)}")


def _with_channels(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., np.newaxis] if pixels.ndim == 3 else pixels
