"""Data that comes in pieces, gone through once: a `tf.data.Dataset`, a `PyDataset`, a generator, PyTorch's loaders."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from src.dataset.dataset import DatasetError

CHANNELS = (1, 3, 4)  # of an image of three dimensions; another last one is the width of a grey image in a batch


def is_stream(value: Any) -> bool:
    """Tell whether a value yields images with their labels, and is no array, sequence or mapping itself."""
    if isinstance(value, Sequence | Mapping | set) or hasattr(value, "__array__"):
        return False
    return hasattr(value, "__iter__") or (hasattr(value, "__getitem__") and hasattr(value, "__len__"))


def collect(stream: Any, place: str) -> tuple[np.ndarray, np.ndarray]:
    """Return all images [N, H, W] or [N, H, W, C] of a stream, and what it has as their labels [N, ...].

    Their order is the same one however the stream shuffles.

    Args:
        stream: Yields pairs of an image and a label, or of batches of both.
        place: What it is from, for messages.

    Raises:
        DatasetError: It yields something else, images of several sizes, nothing, or has no end.
    """
    images: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    for item in _items(stream, place):
        if not isinstance(item, Sequence) or len(item) < 2:
            raise DatasetError(
                f"{place} must yield pairs of images and labels, got {type(item).__name__} from {type(stream).__name__}"
            )
        image, label = np.asarray(item[0]), np.asarray(item[1])
        batch = _is_batch(image, label)
        images.append(image if batch else image[np.newaxis])
        labels.append(label if batch else label[np.newaxis])
    if len(shapes := sorted({array.shape[1:] for array in images})) != 1:
        shown = ", ".join(str(list(shape)) for shape in shapes[:3]) or "none"
        raise DatasetError(f"{place} must yield images of one size, got {shown}; resize them where they are read")
    return _ordered(np.concatenate(images), np.concatenate(labels))


def _ordered(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put images into an order that is theirs alone: what shuffles would give each worker another split."""
    digests = [
        hashlib.blake2b(image.tobytes() + label.tobytes(), digest_size=16).digest()
        for image, label in zip(images, labels, strict=True)
    ]
    order = sorted(range(len(digests)), key=digests.__getitem__)
    return images[order], labels[order]


def _items(stream: Any, place: str) -> Iterator[Any]:
    if hasattr(stream, "cardinality") and int(stream.cardinality()) == -1:
        raise DatasetError(
            f"{place} must yield each image once, got {type(stream).__name__} without end; take out repeat()"
        )
    if hasattr(stream, "__getitem__") and hasattr(stream, "__len__"):  # it may have no end when it is iterated
        return (stream[i] for i in range(len(stream)))
    return iter(stream)


def _is_batch(image: np.ndarray, label: np.ndarray) -> bool:
    if image.ndim == 3:  # of grey images, or one image with its channels
        return label.ndim > 0 and len(label) == len(image) and image.shape[2] not in CHANNELS
    return image.ndim == 4
