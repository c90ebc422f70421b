"""airbench's alternating flip: any two epochs in a row show every image both ways round."""

import numpy as np

from src.augmentation import mirrored
from src.dataset import Split
from src.training.batches import training_batches

IMAGES = np.arange(40 * 6, dtype="uint8").reshape(40, 2, 3, 1)
SPLIT = Split(IMAGES, np.arange(40, dtype="int32"))


def by_number(batches) -> np.ndarray:
    images, labels = (np.concatenate(parts) for parts in zip(*batches.as_numpy_iterator(), strict=True))
    return images[np.argsort(labels)]


def test_half_of_the_images_are_mirrored_and_in_the_next_epoch_the_others() -> None:
    first, second = mirrored(1000, 3, 0), mirrored(1000, 3, 1)
    assert 0.45 < first.mean() < 0.55
    np.testing.assert_array_equal(first, ~second)
    np.testing.assert_array_equal(first, mirrored(1000, 3, 2))
    assert (first != mirrored(1000, 4, 0)).any()


def test_batches_alternate_and_a_run_that_goes_on_sees_what_it_would_have_seen() -> None:
    batches = training_batches(SPLIT, 16, 5, alternating=True)
    epochs = [by_number(batches) for _ in range(3)]
    for epoch, images in enumerate(epochs):
        flips = mirrored(40, 5, epoch)[:, None, None, None]
        np.testing.assert_array_equal(images, np.where(flips, IMAGES[:, :, ::-1], IMAGES))
    later = training_batches(SPLIT, 16, 5, first_epoch=2, alternating=True)
    np.testing.assert_array_equal(by_number(later), epochs[2])
    np.testing.assert_array_equal(by_number(training_batches(SPLIT, 16, 5)), IMAGES)
