"""CIFAR's python batches: pickled dictionaries, loose or in the published tar.gz."""

import io
import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np

from src.dataset.dataset import DatasetError, Split

LABEL_KEYS = {"cifar10": b"labels", "cifar100": b"fine_labels"}
ALLOWED = {("numpy._core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode")}


def matches(head: bytes) -> bool:
    """Tell by the first bytes whether a file is a pickled dictionary."""
    return head[:1] == b"\x80" and b"}" in head[:16]


class _Unpickler(pickle.Unpickler):
    """Loads arrays and plain values only: a pickle could otherwise run any code."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        # numpy 2 moved its core; the published batches name the old place.
        module_name = module_name.replace("numpy.core.", "numpy._core.")
        if (module_name, global_name) in ALLOWED:
            return super().find_class(module_name, global_name)
        raise pickle.UnpicklingError(f"{module_name}.{global_name} has no place in a CIFAR batch")


def decode(content: bytes, name: str) -> dict[bytes, Any]:
    """Return a file's dictionary, its keys as bytes."""
    try:
        batch = _Unpickler(io.BytesIO(content), encoding="bytes").load()
    except Exception as error:  # a damaged pickle raises nearly anything
        raise DatasetError(f"{name} is not a readable CIFAR batch ({error}); fetch it again") from error
    if not isinstance(batch, dict):
        raise DatasetError(f"{name} must hold a dictionary, got {type(batch).__name__}")
    return {key.encode() if isinstance(key, str) else key: value for key, value in batch.items()}


def join(batches: Mapping[str, Mapping[bytes, Any]], dataset: str, place: str) -> dict[str, Split]:
    """Put the batches of a dataset together: `train` and `test`, as their `batch_label` says.

    Args:
        batches: what `decode` returned, by file name; those without images (`batches.meta`) are passed over.
        dataset: `cifar10` or `cifar100`, whose labels differ.
        place: where they come from, for messages.
    """
    parts: dict[str, list[tuple[bytes, Split]]] = {}
    for name, batch in batches.items():
        if b"data" in batch:
            title = _as_bytes(batch.get(b"batch_label", b""))
            part = "test" if title.startswith(b"test") else "train"
            parts.setdefault(part, []).append((title, _split(batch, dataset, name)))
    if "train" not in parts:
        raise DatasetError(f"no training batch of {dataset} in {place}")
    joined = {}
    for part, found in parts.items():
        _check_complete([title for title, _ in found], part, place)
        splits = [split for _, split in sorted(found, key=lambda item: item[0])]
        images = np.concatenate([split.images for split in splits])
        joined[part] = Split(images, np.concatenate([split.labels for split in splits]))
    return joined


def _as_bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _check_complete(titles: list[bytes], part: str, place: str) -> None:
    """Compare with how many there should be: the titles read `training batch 2 of 5`."""
    stated = {int(title.split()[-1]) for title in titles if title.split()[-1:] and title.split()[-1].isdigit()}
    if stated and len(set(titles)) != max(stated):
        raise DatasetError(f"{place} must hold {max(stated)} batches of the {part} part, got {len(set(titles))}")
    if len(set(titles)) != len(titles):
        raise DatasetError(f"{place} holds a batch of the {part} part twice; remove the copies")


def _split(batch: Mapping[bytes, Any], dataset: str, name: str) -> Split:
    if LABEL_KEYS[dataset] not in batch:
        other = next((known for known, key in LABEL_KEYS.items() if key in batch), "something else")
        raise DatasetError(f"{name} must hold {dataset}, got {other}; type dataset={other}")
    images = np.asarray(batch[b"data"])
    labels = np.asarray(batch[LABEL_KEYS[dataset]])
    if images.dtype != np.uint8 or images.ndim != 2 or images.shape[1] != 3072:
        raise DatasetError(f"the images in {name} must be uint8 [N, 3072], got {images.dtype} {images.shape}")
    if len(images) != len(labels):
        raise DatasetError(f"{name} holds {len(images)} images and must have as many labels, got {len(labels)}")
    # Red, green and blue planes one after the other, row by row.
    return Split(images.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), labels)
