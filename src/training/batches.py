"""Batches for Keras, gathered from the memory-mapped images: no worker holds a copy of a dataset of its own."""

from collections.abc import Iterator
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
    return _gather(split, training_indices(split, batch_size, seed, first_epoch, balanced, alternating), batch_size)


def training_indices(
    split: Split, batch_size: int, seed: int, first_epoch: int = 0, balanced: bool = False, alternating: bool = False
) -> tf.data.Dataset:
    """Return the indices of the images of these batches, int64 [B]; where one is mirrored, the index's complement."""
    numbers = count(first_epoch)

    def orders() -> Iterator[np.ndarray]:
        # Counted at a pass's beginning: Keras knows how many batches there are, and may never ask for its end.
        epoch = next(numbers)
        rng = np.random.default_rng([seed, epoch])
        order = _by_turns(split, rng) if balanced else rng.permutation(len(split.images))
        yield np.where(mirrored(len(split.images), seed, epoch)[order], ~order, order) if alternating else order

    epochs = tf.data.Dataset.from_generator(orders, output_signature=tf.TensorSpec([None], tf.int64))
    return epochs.unbatch().batch(batch_size)


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
    batch_size = evaluation_batch_size(split)
    return _gather(split, tf.data.Dataset.range(len(split.images)).batch(batch_size), batch_size)


def _gather(split: Split, indices: tf.data.Dataset, batch_size: int) -> tf.data.Dataset:
    """Turn batches of indices into batches of images and labels.

    NumPy gathers from the map as fast as `tf.gather` does from a tensor; making that tensor would copy the images.
    """

    @tf.autograph.experimental.do_not_convert  # there is nothing in it to convert, which takes a tenth of a second
    def take(chosen):
        types = [tf.as_dtype(array.dtype) for array in split]
        batch = tf.numpy_function(lambda chosen: list(_taken(split, chosen)), [chosen], types, stateful=False)
        for tensor, array in zip(batch, split, strict=True):
            tensor.set_shape([None, *array.shape[1:]])
        return tuple(batch)

    batches = -(-len(split.images) // batch_size)
    return indices.map(take).apply(tf.data.experimental.assert_cardinality(batches)).prefetch(2)


def _taken(split: Split, chosen: np.ndarray) -> Split:
    """Return the images of these indices and their labels; of a negative one, the image ~index mirrored."""
    flipped = chosen < 0
    if not flipped.any():
        return Split(split.images[chosen], split.labels[chosen])
    indices = np.where(flipped, ~chosen, chosen)
    images = split.images[indices]
    images[flipped] = images[flipped, :, ::-1]
    return Split(images, split.labels[indices])
