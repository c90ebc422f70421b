"""All images that a trial's folds have between them, in an order that no fold decides."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from src.dataset import Dataset, Split, cache

CHUNK = 2**24  # numbers that are copied at a time

_known: dict[tuple[str, ...], AllImages] = {}  # what this process has looked at, by the content of the parts


class AllImages(NamedTuple):
    """Where the images of each part are among all images; the same image twice is one of them.

    Attributes:
        digest: Names all images, the same for all folds.
        sources: For each of all images, its place in the training images, which the validation images follow.
        train: For each training image, its place among all images.
        validation: The same for the validation images.
    """

    digest: str
    sources: np.ndarray
    train: np.ndarray
    validation: np.ndarray

    def write(self, data: Dataset, folder: Path) -> Split:
        """Return all images, in a file in the folder that is gone with the process, and their labels.

        Raises:
            DatasetError: There is no room for them.
        """
        shape = (len(self.sources), *data.input_shape)
        images = cache.scratch(folder, shape, np.uint8)
        step = max(1, CHUNK // int(np.prod(data.input_shape)))
        trained = len(data.train.images)
        for start in range(0, len(images), step):
            chosen = self.sources[start : start + step]
            places, here = np.arange(start, start + len(chosen)), chosen < trained
            images[places[here]] = data.train.images[chosen[here]]
            images[places[~here]] = data.validation.images[chosen[~here] - trained]
        labels = np.concatenate([data.train.labels, data.validation.labels])
        return Split(images, labels[self.sources])


def all_images(data: Dataset, digests: tuple[str, ...]) -> AllImages:
    """Find out which images a fold has between its parts, whose content the digests name, and where each of them is."""
    if digests not in _known:
        parts = (data.train.images, data.validation.images)
        names = np.array([_name(image) for images in parts for image in images])
        unique, sources, places = np.unique(names, return_index=True, return_inverse=True)
        digest = hashlib.blake2b("".join(unique.tolist()).encode(), digest_size=16).hexdigest()
        _known[digests] = AllImages(digest, sources, *np.split(places, [len(data.train.images)]))
    return _known[digests]


def _name(image: np.ndarray) -> str:
    return hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).hexdigest()
