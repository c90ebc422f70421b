"""Splitting, limiting, resizing and scaling, as formulas."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.dataset import DatasetError, resize
from src.dataset.scaling import histogram, rescaling
from src.dataset.split import fold, hold_out, split, take


def test_shares_are_proportional_within_one_image() -> None:
    rng = np.random.default_rng(0)
    for seed in range(200):
        classes = int(rng.integers(2, 12))
        counts = rng.integers(2, 80, classes)
        labels = rng.permutation(np.repeat(np.arange(classes), counts))
        fraction = float(rng.uniform(0.05, 0.95))
        train, validation = split(labels, classes, None, fraction, seed)
        assert np.array_equal(np.sort(np.concatenate([train, validation])), np.arange(len(labels)))
        share = np.bincount(labels[validation], minlength=classes)
        assert (np.abs(share - counts * fraction) < 1 + classes / len(labels)).all()
        assert np.bincount(labels[train], minlength=classes).min() >= 1


def test_a_limit_is_met_exactly() -> None:
    labels = np.repeat([0, 1, 2], [500, 30, 1])
    for limit in (3, 4, 50, 530, 531, 9_999):
        taken = take(labels, 3, limit, seed=0)
        assert len(taken) == min(limit, 531)
        assert np.bincount(labels[taken], minlength=3).min() >= 1


def test_a_smaller_limit_takes_a_part_of_a_larger_one() -> None:
    labels = np.arange(1000) % 10
    small, large = (set(take(labels, 10, limit, seed=5)) for limit in (100, 400))
    assert small < large


def test_over_all_folds_each_image_validates_once_and_each_class_as_often() -> None:
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [41, 17, 6]))
    parts = [fold(labels, "abc", None, 5, number, seed=3) for number in range(1, 6)]
    validating = np.concatenate([validation for _, validation in parts])
    assert np.array_equal(np.sort(validating), np.arange(64))
    for train, validation in parts:
        assert np.array_equal(np.sort(np.concatenate([train, validation])), np.arange(64))
    counts = np.array([np.bincount(labels[validation], minlength=3) for _, validation in parts])
    assert (np.ptp(counts, axis=0) <= 1).all()
    assert np.ptp(counts.sum(axis=1)) <= 1
    again, other = (fold(labels, "abc", None, 5, 1, seed)[1] for seed in (3, 4))
    assert np.array_equal(again, parts[0][1])
    assert not np.array_equal(other, again)
    limited = [fold(labels, "abc", 30, 3, number, seed=3)[1] for number in (1, 2, 3)]
    assert np.array_equal(np.sort(np.concatenate(limited)), take(labels, 3, 30, seed=3))


def test_more_folds_than_the_smallest_class_has_images() -> None:
    labels = np.repeat([0, 1], [20, 4])
    expected = r"must be at most 4, the number of images of class rose, got 5; type dataset\.folds=4, or add images"
    with pytest.raises(DatasetError, match=expected):
        fold(labels, ["tulip", "rose"], None, 5, 1, 0)
    with pytest.raises(DatasetError, match=r"at most 1, .* of class rose under dataset\.limit=3, .*folds=null"):
        fold(labels, ["tulip", "rose"], 3, 5, 1, 0)


def test_images_held_out_are_of_every_class_and_the_same_always() -> None:
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 2, 3, 4], [50, 20, 3, 2, 1]))
    rest, test = hold_out(labels, 5, 0.2, kept=2)
    assert np.array_equal(np.sort(np.concatenate([rest, test])), np.arange(76))
    assert np.bincount(labels[test], minlength=5).tolist() == [10, 4, 1, 0, 0]
    assert np.array_equal(hold_out(labels, 5, 0.2, kept=2)[1], test)
    assert np.bincount(labels[hold_out(labels, 5, 0.9, kept=5)[0]]).tolist() == [5, 5, 3, 2, 1]
    with pytest.raises(DatasetError, match=r"2 images of 1 classes are too few .*type dataset\.test_fraction=null"):
        hold_out(np.array([0, 0]), 1, 0.2, kept=2)


def test_too_few_images_to_split() -> None:
    with pytest.raises(DatasetError, match="2 images of 2 classes are too few"):
        split(np.array([0, 1]), 2, None, 0.2, 0)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_statistics_are_those_of_the_images(channels: int) -> None:
    images = np.random.default_rng(0).integers(10, 200, (2500, 5, 4, channels), np.uint8)
    counts = histogram(images)
    assert counts.sum(axis=1).tolist() == [2500 * 20] * channels
    scale, offset = (np.array(values) for values in rescaling("standardize", counts))
    pixels = images.reshape(-1, channels).astype(np.float64)
    assert np.allclose(scale, 1 / pixels.std(axis=0))
    assert np.allclose(offset, -pixels.mean(axis=0) / pixels.std(axis=0))
    scale, offset = (np.array(values) for values in rescaling("minmax", counts))
    assert np.allclose(scale, [1 / 189] * channels)
    assert np.allclose(offset, [-10 / 189] * channels)


@pytest.mark.parametrize("scaling", ["minmax", "standardize"])
def test_a_constant_channel_becomes_zero(scaling: str) -> None:
    scale, offset = rescaling(scaling, histogram(np.full((3, 2, 2, 1), 77, np.uint8)))
    assert (scale, offset) == ((1.0,), (-77.0,))


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [(5, 9), (30, 31), (12, 7), (1, 1), None])
def test_resizing_all_at_once_equals_pillow_one_by_one(
    tmp_path: Path, channels: int, size: tuple[int, int] | None
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (700, 12, 17, channels), np.uint8)
    indices = np.arange(0, 700, 1)[::-1]
    (tmp_path / "entry").mkdir()
    written = resize.write(tmp_path / "entry" / "x.npy", images, indices, size)
    height, width = size or (12, 17)
    assert written.shape == (700, height, width, channels)
    for row in (0, 511, 512, 699):
        for channel in range(channels):
            plane = Image.fromarray(np.ascontiguousarray(images[indices[row], ..., channel]))
            expected = plane.resize((width, height), Image.Resampling.BILINEAR)
            assert np.array_equal(written[row, ..., channel], np.asarray(expected))
