"""ImageDataGenerator's `rescale`, done by the network's own first layer: in training and ever after."""

import dataclasses

from src.dataset import Dataset


def rescaled(data: Dataset, factor: float | None) -> Dataset:
    """Return `data` for a network that reads pixels times `factor`; None for 1.

    Other scalings than none come after it and undo it, so they stay as they are.
    """
    if factor is None or data.scale is not None:
        return data
    channels = data.input_shape[-1]
    return dataclasses.replace(data, scale=(factor,) * channels, offset=(0.0,) * channels)
