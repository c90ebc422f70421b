"""The order of the images."""

import numpy as np
import tensorflow as tf

from src.dataset import Split
from src.training.batches import evaluation_batch_size, evaluation_batches, training_batches, training_indices
from tests.helpers.training import split


def orders(seed: int, epochs: int) -> list[list[int]]:
    batches = training_batches(split(), 16, seed)
    return [[int(n) for images, _ in batches for n in images[:, 0, 0, 0].numpy()] for _ in range(epochs)]


def test_every_image_comes_once_an_epoch_with_its_own_label() -> None:
    seen = {}
    sizes = []
    for images, labels in training_batches(split(), 16, seed=3):
        sizes.append(len(labels))
        seen |= dict(zip(images[:, 0, 0, 0].numpy().tolist(), labels.numpy().tolist(), strict=True))
    assert sizes == [16, 16, 16, 2]
    assert seen == {n: n % 2 for n in range(50)}


def test_the_order_depends_on_the_seed_and_the_epoch_alone() -> None:
    first, second = orders(seed=1, epochs=2)
    assert first != second
    assert orders(seed=1, epochs=2) == [first, second]
    assert orders(seed=2, epochs=1) != [first]


def test_an_epoch_whose_end_nobody_asks_for_is_one() -> None:
    # As Keras reads them, which knows how many there are, where nothing is read ahead: with TF_DETERMINISTIC_OPS=1.
    options = tf.data.Options()
    options.autotune.enabled = options.experimental_optimization.inject_prefetch = False
    indices, seen = training_indices(split(48), 16, seed=1).with_options(options), []
    for _ in range(3):
        batches = iter(indices)
        seen.append([int(n) for _ in range(3) for n in next(batches)])
    assert seen == [list(np.random.default_rng([1, epoch]).permutation(48)) for epoch in range(3)]


def test_evaluation_keeps_the_order_and_fits_large_images_in_small_batches() -> None:
    batches = list(evaluation_batches(split()))
    assert np.concatenate([images[:, 0, 0, 0].numpy() for images, _ in batches]).tolist() == list(range(50))
    large = Split(np.zeros((1, 512, 512, 3), "uint8"), np.zeros(1, "int32"))
    assert evaluation_batch_size(large) == 1
    assert evaluation_batch_size(split()) > 1000
