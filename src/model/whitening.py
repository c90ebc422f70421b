"""Whitening: kernels that make the second moments of patches of images nearly the identity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from src.dataset import Dataset
from src.model.airbench import PATCH, WHITENING

if TYPE_CHECKING:
    import keras

IMAGES, PIXELS = 5000, 4_000_000  # that are looked at, at most
LEAST = 5e-4  # of the mean variance, added to each: what is hardly there is not made loud


def whiten(network: keras.Model, data: Dataset) -> None:
    """Set the kernels of a network's whitening layer from the training images; do nothing where it has none.

    One kernel for each eigenvector of the patches' second moments, over the root of its value, and its negative.
    """
    if WHITENING not in {layer.name for layer in network.layers}:
        return
    height, width, channels = data.input_shape
    count = max(1, min(IMAGES, PIXELS // (height * width)))
    images = data.train.images[:count].astype(np.float32)
    if data.scale is not None:
        images = images * np.array(data.scale, np.float32) + np.array(data.offset or 0.0, np.float32)
    patches = np.lib.stride_tricks.sliding_window_view(images, (PATCH, PATCH), axis=(1, 2))
    numbers = np.moveaxis(patches, 3, -1).reshape(-1, PATCH * PATCH * channels)
    moments = np.zeros((numbers.shape[1],) * 2)
    for part in np.array_split(numbers, 20):
        part = part.astype(np.float64)
        moments += part.T @ part
    variances, vectors = np.linalg.eigh(moments / len(numbers))
    least = LEAST * max(float(variances.mean()), 1e-12)
    kernels = (vectors / np.sqrt(np.maximum(variances, 0) + least))[:, ::-1]
    both = np.concatenate([kernels, -kernels], axis=1).reshape(PATCH, PATCH, channels, -1)
    network.get_layer(WHITENING).set_weights([both.astype(np.float32)])
