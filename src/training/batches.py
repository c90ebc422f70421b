import numpy as np
import tensorflow as tf

from src.dataset import Split


# Pixels in a batch that is only looked at: few batches for small images, little memory for large ones.
EVALUATION_PIXELS = 2**20


def training_batches(split: Split, batch_size: int, seed: int) -> tf.data.Dataset:
    """Return batches for `fit`, in an order that depends on the seed and the epoch alone.

    Python runs once an epoch, to shuffle the indices; the batches are gathered in TensorFlow's threads.
    """
    images, labels = tf.convert_to_tensor(split.images), tf.convert_to_tensor(split.labels)
    epoch = 0

    def orders():
        nonlocal epoch
        yield np.random.default_rng([seed, epoch]).permutation(len(split.images))
        epoch += 1

    indices = tf.data.Dataset.from_generator(orders, output_signature=tf.TensorSpec([None], tf.int64))
    batches = indices.flat_map(lambda order: tf.data.Dataset.from_tensor_slices(order).batch(batch_size))
    gathered = batches.map(lambda chosen: (tf.gather(images, chosen), tf.gather(labels, chosen)))
    count = -(-len(split.images) // batch_size)
    return gathered.apply(tf.data.experimental.assert_cardinality(count)).prefetch(2)


def evaluation_batch_size(split: Split) -> int:
    """Return how many of these images fit a batch that is not trained on."""
    return max(1, EVALUATION_PIXELS // int(np.prod(split.images.shape[1:])))


def evaluation_batches(split: Split) -> tf.data.Dataset:
    """Return batches in the order of the split."""
    batch_size = evaluation_batch_size(split)
    return tf.data.Dataset.from_tensor_slices((split.images, split.labels)).batch(batch_size).prefetch(2)
