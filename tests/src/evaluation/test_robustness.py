"""Altered copies that are the same for all models."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
from scipy import ndimage

from src.dataset import Split
from src.evaluation import measure_robustness, robustness
from src.evaluation.robustness import KINDS, alter


def pictures(count: int = 40, size: tuple[int, int] = (28, 28), channels: int = 1, high: int = 255) -> np.ndarray:
    """Return smooth images: in noise no alteration could be told from another."""
    noise = np.random.default_rng(0).random((count, *size, channels))
    smooth = ndimage.gaussian_filter(noise, (0, min(size) / 14, min(size) / 14, 0))
    return ((smooth - smooth.min()) * (high / np.ptp(smooth))).astype(np.uint8)


@pytest.mark.parametrize("images", [pictures(), pictures(size=(20, 32), channels=3), pictures(size=(8, 8), high=16)])
@pytest.mark.parametrize("kind", KINDS)
def test_copies_are_the_same_for_the_same_seed_and_differ_from_the_images(kind: str, images: np.ndarray) -> None:
    copies = alter(images, kind, [3])
    np.testing.assert_array_equal(copies, alter(images, kind, [3]))
    assert (copies.shape, copies.dtype) == (images.shape, images.dtype)
    assert all((copy != image).any() for copy, image in zip(copies, images, strict=True))
    assert copies.max() <= images.max()
    assert (alter(images, kind, [4]) != copies).any() == (kind != "blurred")


def closest(kind: str, references: Callable[[np.ndarray], list[np.ndarray]]) -> None:
    """Check that each copy is one of its image's references, and that each kind of reference is met."""
    images = pictures().astype(float)
    copies = alter(images.astype(np.uint8), kind, [0]).astype(float)
    chosen = set()
    for image, copy in zip(images[..., 0], copies[..., 0], strict=True):
        # Away from the border, beyond which libraries differ.
        errors = [np.abs(found - copy)[6:-6, 6:-6].max() for found in references(image)]
        assert min(errors) <= 1, errors
        chosen.add(int(np.argmin(errors)))
    assert chosen == set(range(len(references(images[0, ..., 0]))))


def test_rotated_by_fifteen_degrees_either_way() -> None:
    closest(
        "rotated", lambda image: [ndimage.rotate(image, angle, reshape=False, order=1) for angle in (-15, 15)]
    )  # fmt: skip


def test_shifted_by_three_of_28_pixels_in_both_directions() -> None:
    closest("shifted", lambda image: [np.roll(image, (y, x), (0, 1)) for y in (-3, 3) for x in (-3, 3)])


def test_zoomed_in_or_out_about_the_centre() -> None:
    def about_centre(image: np.ndarray, step: float) -> np.ndarray:
        return ndimage.affine_transform(image, [step, step], 13.5 * (1 - step), order=1)

    closest("zoomed", lambda image: [about_centre(image, step) for step in (0.8, 1.25)])


def test_noise_is_a_part_of_the_range() -> None:
    images = np.full((50, 28, 28, 1), 100, np.uint8)
    images[:, 0, 0], images[:, 0, 1] = 0, 200
    added = alter(images, "noisy", [0]).astype(float)[:, 1:] - 100
    assert added.std() == pytest.approx(0.08 * 200, rel=0.02)
    assert abs(added.mean()) < 0.3


@pytest.mark.parametrize(("side", "sigma"), [(32, 0.7), (96, 2.1), (8, 0.5)])
def test_blurred_by_a_part_of_the_side(side: int, sigma: float) -> None:
    images = pictures(5, (side, side))
    expected = ndimage.gaussian_filter(images.astype(float), (0, sigma, sigma, 0), mode="nearest", truncate=3.5)
    np.testing.assert_allclose(alter(images, "blurred", [0]), expected, atol=1)


def constant(answer: int, shape: tuple[int, ...]) -> keras.Model:
    """Return a model that has one answer for everything."""
    outputs = keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")])
    outputs.layers[-1].set_weights([np.zeros((int(np.prod(shape)), 3)), np.eye(3)[answer]])
    return outputs


def test_robust_accuracy_is_the_mean_over_the_kinds() -> None:
    images = pictures()
    split = Split(images, np.array([0] * 10 + [2] * 30, np.int32))
    for answer, expected in ((0, 0.25), (1, 0.0), (2, 0.75)):
        found = measure_robustness(constant(answer, images.shape[1:]), split, 0)
        assert found.accuracies == dict.fromkeys(KINDS, expected)
        assert found.robust_accuracy == pytest.approx(expected)
        assert set(found.numbers) == {"robust_accuracy"} | {f"robust_accuracy_{kind}" for kind in KINDS}
    one_hot = Split(images, np.eye(3, dtype=np.float32)[split.labels])
    assert measure_robustness(constant(2, images.shape[1:]), one_hot, 0).robust_accuracy == pytest.approx(0.75)


def test_every_model_gets_the_same_copies_of_at_most_so_many_images(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []

    def watch(model: keras.Model, images: np.ndarray) -> np.ndarray:
        seen.append(images)
        return np.zeros((len(images), 3), np.float32)

    monkeypatch.setattr(robustness, "predict_batch", watch)
    monkeypatch.setattr(robustness, "evaluation_batch_size", lambda split: 4)
    split = Split(pictures(), np.zeros(40, np.int32))
    model = constant(0, (28, 28, 1))
    assert measure_robustness(model, split, 0, 10).images == 10
    first, seen = seen, []
    measure_robustness(model, split, 0, 10)
    second, seen = seen, []
    measure_robustness(model, split, 1, 10)
    assert [len(images) for images in first] == [4] * 5 + [4] * 5 + [2] * 5
    assert all((a == b).all() for a, b in zip(first, second, strict=True))
    assert all((a != b).any() for a, b in zip(first, seen, strict=True))
