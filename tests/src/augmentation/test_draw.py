"""What is drawn, in ImageDataGenerator's units."""

import numpy as np

from src.augmentation import samples
from src.augmentation.draw import draw
from src.config.augmentation import AugmentationConfig

AFFINE = AugmentationConfig(
    rotation_range=20, width_shift_range=0.2, height_shift_range=0.1, shear_range=15, zoom_range=0.2,
    horizontal_flip=True, vertical_flip=True,
)  # fmt: skip


def drawn_shifts(reach: float, size: int = 20) -> np.ndarray:
    """Return by how many pixels each of many images is shifted horizontally; vertically by none."""
    matrices = np.asarray(draw(AugmentationConfig(width_shift_range=reach), 4000, 10, size, 1))
    np.testing.assert_array_equal(matrices[:, [0, 1, 3, 4, 5]], np.tile([1, 0, 0, 1, 0], (len(matrices), 1)))
    return matrices[:, 2]


def test_what_is_drawn_lies_within_its_range_in_image_data_generators_units() -> None:
    for reach, most in ((0.25, 5.0), (3.5, 3.5)):
        shifts = drawn_shifts(reach)
        assert 0.99 * most < np.abs(shifts).max() <= most
        assert abs(shifts.mean()) < 0.05 * most
    assert {*drawn_shifts(3)} == {-2.0, -1.0, 0.0, 1.0, 2.0}, "whole numbers are whole pixels"
    down = np.asarray(draw(AugmentationConfig(height_shift_range=0.25), 4000, 20, 10, 1))
    assert 4.9 < np.abs(down[:, 5]).max() <= 5
    assert not down[:, 2].any()

    turned = np.asarray(draw(AugmentationConfig(rotation_range=30), 4000, 8, 8, 1))
    angles = np.degrees(np.arctan2(turned[:, 3], turned[:, 0]))
    assert 29.5 < np.abs(angles).max() <= 30.001

    for zoom, (lowest, highest) in ((0.2, (0.8, 1.2)), ([0.5, 1.0], (0.5, 1.0))):
        zoomed = np.asarray(draw(AugmentationConfig(zoom_range=zoom), 4000, 8, 8, 1))[:, [0, 4]]
        assert lowest <= zoomed.min() < lowest + 0.01
        assert highest - 0.01 < zoomed.max() <= highest
        assert abs(np.corrcoef(zoomed.T)[0, 1]) < 0.1, "each axis has a factor of its own"

    flipped = np.asarray(draw(AugmentationConfig(horizontal_flip=True), 4000, 8, 8, 1))
    assert 0.45 < np.mean(flipped[:, 0] == -1) < 0.55
    assert (flipped[:, 4] == 1).all()


def test_the_same_seed_gives_the_same_images_and_another_others() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1)).astype("uint8")
    first = samples(images, AFFINE, 3, 1)
    assert first.shape == (5, 3, 8, 8, 1)
    np.testing.assert_array_equal(first, samples(images, AFFINE, 3, 1))
    assert (first != samples(images, AFFINE, 3, 2)).mean() > 0.5
