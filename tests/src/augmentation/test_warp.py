"""The warp beside ImageDataGenerator's."""

from typing import Any

import keras
import numpy as np
import pytest
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from scipy import ndimage

from src.augmentation import transforms, warp
from src.augmentation.warp import _gathered
from src.config.augmentation import FILL_MODES

CVAL = 40.0
# SciPy's name for its own function that ImageDataGenerator uses.
pytestmark = pytest.mark.filterwarnings("ignore:Please import `affine_transform`:DeprecationWarning")
STILL = 8
# Of 255. A coordinate in float32 is off by some 1e-6 of the image's size: by 32 pixels, a few 1e-5 of a pixel,
# between neighbours that differ by up to 255.
TOLERANCE = 0.01


def parameters(rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
    """Draw parameters of `apply_transform`, one in three neutral; of the first images only the flips."""
    drawn = {
        "theta": rng.uniform(-180, 180, count),
        "tx": rng.uniform(-9, 9, count),
        "ty": rng.uniform(-9, 9, count),
        "shear": rng.uniform(-60, 60, count),
        "zx": rng.uniform(0.4, 2.5, count),
        "zy": rng.uniform(0.4, 2.5, count),
    }
    for name, values in drawn.items():
        neutral = 1.0 if name in ("zx", "zy") else 0.0
        values[rng.random(count) < 1 / 3] = neutral
        values[:STILL] = neutral
    return drawn | {name: rng.random(count) < 0.5 for name in ("flip_horizontal", "flip_vertical")}


def on_a_seam(matrices: np.ndarray, size: int, within: float = 2e-4) -> np.ndarray:
    """Return which pixels are read so near to where the border's value jumps that rounding decides: [B, size, size].

    `constant` jumps at the border, `wrap` where one period ends and the next begins.
    """
    rows, columns = np.mgrid[:size, :size].astype(float)
    a, b = matrices[:, :3].astype(float), matrices[:, 3:6].astype(float)
    near = False
    for number in (a, b):
        at = number[:, 0, None, None] * columns + number[:, 1, None, None] * rows + number[:, 2, None, None]
        near = near | (np.abs(at / (size - 1) - np.rint(at / (size - 1))) * (size - 1) < within)
    return np.asarray(near)


@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3)], ids=["grey", "colour"])
def test_a_warp_is_what_image_data_generator_makes_of_the_same_parameters(
    fill_mode: str, shape: tuple[int, int, int]
) -> None:
    count, rng = 100, np.random.default_rng(0)
    images = rng.uniform(0, 255, (count, *shape)).astype("float32")
    drawn = parameters(rng, count)
    generator = ImageDataGenerator(fill_mode=fill_mode, cval=CVAL)
    each = [{name: values[i] for name, values in drawn.items()} for i in range(count)]
    expected = np.stack([generator.apply_transform(*pair) for pair in zip(images, each, strict=True)])
    matrices = transforms(*shape[:2], **drawn)
    got = np.asarray(warp(images, matrices, fill_mode, CVAL))
    if fill_mode in ("constant", "wrap"):
        judged = ~on_a_seam(np.asarray(matrices), shape[0])
        # Images that are not turned lie on their own border.
        still = (drawn["theta"] == 0) & (drawn["shear"] == 0)
        assert judged[~still].mean() > 0.99
    else:
        judged = np.ones(got.shape[:3], bool)
    np.testing.assert_allclose(got[judged], expected[judged], atol=TOLERANCE)
    np.testing.assert_array_equal(got[:STILL], expected[:STILL])
    if fill_mode != "constant":
        # As on the backends without a kernel for it.
        gathered = np.asarray(_gathered(keras.ops.convert_to_tensor(images), matrices, fill_mode))
        np.testing.assert_allclose(gathered[judged], expected[judged], atol=TOLERANCE)


@pytest.mark.parametrize("fill_mode", FILL_MODES)
def test_shifts_by_whole_pixels_and_quarter_turns_are_exact_at_the_border_too(fill_mode: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, 6, 6, 1)).astype("uint8")
    generator = ImageDataGenerator(fill_mode=fill_mode, cval=CVAL)
    for shift in range(-13, 14):
        expected = generator.apply_transform(image[0].astype("float32"), {"tx": shift, "ty": -shift})
        got = warp(image, transforms(6, 6, tx=shift, ty=-shift), fill_mode, CVAL)
        np.testing.assert_array_equal(np.asarray(got)[0], expected)
    for turns in (1, 2, 3):
        got = warp(image, transforms(6, 6, theta=90 * turns), fill_mode, CVAL)
        np.testing.assert_allclose(np.asarray(got)[0], np.rot90(image[0], turns), atol=0.02)


def test_an_image_that_is_not_square_turns_about_its_centre() -> None:
    height, width, angle = 9, 20, np.deg2rad(30)
    image = np.random.default_rng(0).uniform(0, 255, (height, width)).astype("float32")
    # In rows and columns.
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    centre = np.array([height - 1, width - 1]) / 2
    offset: Any = centre - matrix @ centre
    expected = ndimage.affine_transform(image, matrix, offset, order=1, mode="reflect")
    got = np.asarray(warp(image[None, ..., None], transforms(height, width, theta=30), "reflect"))[0, ..., 0]
    np.testing.assert_allclose(got, expected, atol=TOLERANCE)


def test_a_batch_takes_one_transform_or_one_an_image() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 5, 4, 2)).astype("uint8")
    one = transforms(5, 4, theta=20.0, zx=1.2)
    many = transforms(5, 4, theta=np.full(3, 20.0), zx=1.2)
    assert tuple(one.shape) == (8,)
    assert tuple(many.shape) == (3, 8)
    np.testing.assert_array_equal(np.asarray(warp(images, one)), np.asarray(warp(images, many)))
    np.testing.assert_array_equal(np.asarray(warp(images, transforms(5, 4))), images)
    mirrored = transforms(5, 4, flip_horizontal=True, flip_vertical=[True, False, True])
    expected = np.stack([images[0, ::-1, ::-1], images[1, :, ::-1], images[2, ::-1, ::-1]])
    np.testing.assert_array_equal(np.asarray(warp(images, mirrored)), expected)
