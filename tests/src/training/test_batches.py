"""The order of the images."""

from itertools import islice

import numpy as np

from src.dataset import Split
from src.training.batches import evaluation_batch_size, evaluation_batches, training_batches, training_order
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
    order = training_order(split(48), 16, seed=1)
    seen = [[int(n) for number in range(3) for n in order(number)] for _ in range(3)]
    assert seen == [list(np.random.default_rng([1, epoch]).permutation(48)) for epoch in range(3)]
    # As Keras reads them, which knows how many there are.
    batches = training_batches(split(48), 16, seed=1)
    read = [[images[:, 0, 0, 0].numpy() for images, _ in islice(batches, 3)] for _ in range(3)]
    assert [np.concatenate(epoch).tolist() for epoch in read] == seen
    assert len(batches) == 3


def test_evaluation_keeps_the_order_and_fits_large_images_in_small_batches() -> None:
    batches = list(evaluation_batches(split()))
    assert np.concatenate([images[:, 0, 0, 0].numpy() for images, _ in batches]).tolist() == list(range(50))
    large = Split(np.zeros((1, 512, 512, 3), "uint8"), np.zeros(1, "int32"))
    assert evaluation_batch_size(large) == 1
    assert evaluation_batch_size(split()) > 1000
