"""Batches for Keras, gathered from the memory-mapped images: no worker holds a copy of a dataset of its own."""

from collections.abc import Callable
from itertools import count

import numpy as np
import tensorflow as tf

from src.augmentation import mirrored
from src.dataset import Split

# Pixels in a batch that is only looked at: few batches for small images, little memory for large ones.
EVALUATION_PIXELS = 2**20


def training_batches(
    split: Split, batch_size: int, seed: int, first_epoch: int = 0, balanced: bool = False, alternating: bool = False
) -> tf.data.Dataset:
    """Return batches for `fit`, in an order that depends on the seed and the epoch alone.

    Each pass over them is an epoch, from `first_epoch` on. With `balanced` the classes come by turns: an epoch is as
    long as ever, the images of a rare class come several times, and of a frequent one other ones in each epoch. With
    `alternating` every image is mirrored left to right in every second epoch.
    """
    order = training_order(split, batch_size, seed, first_epoch, balanced, alternating)
    return _read(split, order, batch_size)


def training_order(
    split: Split, batch_size: int, seed: int, first_epoch: int = 0, balanced: bool = False, alternating: bool = False
) -> Callable[[int], np.ndarray]:
    """Return what gives the indices of the images of a batch, int64 [B], for its number in the epoch.

    Asked for the first batch again, it begins the next epoch: nobody need ask for the end of one, and Keras, which
    knows how many batches there are, does not always. Where an image is mirrored it is the index's complement.
    """
    numbers, order = count(first_epoch), np.empty(0, "int64")

    def batch(number: int) -> np.ndarray:
        nonlocal order
        if number == 0:
            epoch = next(numbers)
            rng = np.random.default_rng([seed, epoch])
            order = _by_turns(split, rng) if balanced else rng.permutation(len(split.images))
            if alternating:
                order = np.where(mirrored(len(split.images), seed, epoch)[order], ~order, order)
        return order[number * batch_size : (number + 1) * batch_size]

    return batch


def _by_turns(split: Split, rng: np.random.Generator) -> np.ndarray:
    """Return as many indices as there are images, int64 [N]: one of each class that has images, then the next."""
    labels = split.labels.argmax(axis=-1) if split.labels.ndim == 2 else split.labels
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    turns = -(-len(labels) // len(members))
    columns = [
        np.concatenate([rng.permutation(member) for _ in range(-(-turns // len(member)))])[:turns] for member in members
    ]
    return rng.permuted(np.stack(columns, axis=1), axis=1).reshape(-1)[: len(labels)]


def evaluation_batch_size(split: Split) -> int:
    """Return how many of these images fit a batch that is not trained on."""
    return max(1, EVALUATION_PIXELS // int(np.prod(split.images.shape[1:])))


def evaluation_batches(split: Split) -> tf.data.Dataset:
    """Return batches in the order of the split."""
    batch_size, order = evaluation_batch_size(split), np.arange(len(split.images))
    return _read(split, lambda number: order[number * batch_size : (number + 1) * batch_size], batch_size)


def _read(split: Split, order: Callable[[int], np.ndarray], batch_size: int) -> tf.data.Dataset:
    """Return batches of images and labels, those of the indices that `order` gives for the number of each.

    NumPy gathers from the map as fast as `tf.gather` does from a tensor; making that tensor would copy the images.
    Nor are the indices a dataset, which takes longer to make than a small batch does. One batch is read after the
    other, in a thread: several at once would wait for Python, and be slower.
    """

    @tf.autograph.experimental.do_not_convert  # there is nothing in it to convert, which takes a tenth of a second
    def take(number):
        types = [tf.as_dtype(array.dtype) for array in split]
        batch = tf.numpy_function(lambda number: list(_taken(split, order(number))), [number], types)
        for tensor, array in zip(batch, split, strict=True):
            tensor.set_shape([None, *array.shape[1:]])
        return tuple(batch)

    return tf.data.Dataset.range(-(-len(split.images) // batch_size)).map(take).prefetch(2)


def _taken(split: Split, chosen: np.ndarray) -> Split:
    """Return the images of these indices and their labels; of a negative one, the image ~index mirrored."""
    flipped = chosen < 0
    if not flipped.any():
        return Split(split.images[chosen], split.labels[chosen])
    indices = np.where(flipped, ~chosen, chosen)
    images = split.images[indices]
    images[flipped] = images[flipped, :, ::-1]
    return Split(images, split.labels[indices])
