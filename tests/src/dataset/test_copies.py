"""The same image in two parts, twice among those that validation is split off, or in two classes, is told in a line."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from src.dataset import Dataset, parallel_decode
from tests.helpers.dataset_files import open_dataset

TRAINED_ON = "take them out, or the model is judged by what it was trained on"


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Pieces of two photographs: ten of each to train on, three to test."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 10), ("test", 3)):
        for name, photograph in zip(("flower", "temple"), load_sample_images().images, strict=True):
            (tmp_path / "data" / part / name).mkdir(parents=True)
            for number in range(count):
                top, left = rng.integers(0, 300, 2)
                piece = Image.fromarray(photograph[top : top + 90, left : left + 120])
                piece.save(tmp_path / "data" / part / name / f"{number}.jpg")
    return tmp_path / "data"


def told(data: Dataset) -> list[str]:
    return [note.removeprefix("copies, equal in every pixel: ") for note in data.notes if note.startswith("copies")]


def open_folder(path: Path, **settings: Any) -> Dataset:
    return open_dataset(path.parent / "cache", "image_folder", path=str(path), image_size=24, **settings)


def test_images_of_other_pixels_are_no_copies(photographs: Path) -> None:
    assert told(open_folder(photographs)) == []


@pytest.mark.parametrize("helpers", [False, True])
def test_test_images_that_are_training_images(
    photographs: Path, helpers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if helpers:
        monkeypatch.setattr(parallel_decode, "FEW", 0)
        monkeypatch.setattr(parallel_decode, "cores", lambda: 2)
    for number in range(2):
        shutil.copy(photographs / f"train/flower/{number}.jpg", photographs / f"test/flower/x{number}.jpg")
    expected = "2 of 8 test images in the training part as well (test/flower/x0.jpg and train/flower/0.jpg)"
    assert told(open_folder(photographs)) == [f"{expected}; {TRAINED_ON}"]


def test_copies_where_validation_is_split_off_and_under_two_classes(photographs: Path) -> None:
    train = photographs / "train"
    for number in range(2):
        shutil.copy(train / f"flower/{number}.jpg", train / f"flower/again{number}.jpg")
    shutil.copy(train / "flower/0.jpg", train / "temple/flower.jpg")
    assert told(open_folder(train)) == [
        "3 of 23 training images a second time (flower/again0.jpg and flower/0.jpg), 1 image in several classes "
        f"(flower/0.jpg and temple/flower.jpg); {TRAINED_ON}"
    ]


def test_beside_a_validation_part_of_their_own_copies_among_training_images_do_no_harm(photographs: Path) -> None:
    (photographs / "test").rename(photographs / "val")
    shutil.copy(photographs / "train/flower/0.jpg", photographs / "train/flower/again.jpg")
    assert told(open_folder(photographs)) == []
    shutil.copy(photographs / "train/flower/0.jpg", photographs / "train/temple/flower.jpg")
    assert told(open_folder(photographs, scaling="none")) == [
        "1 image in several classes (train/flower/0.jpg and train/temple/flower.jpg); decide for one class each"
    ]
    shutil.copy(photographs / "val/flower/0.jpg", photographs / "train/flower/other.jpg")
    shared, _, _ = told(open_folder(photographs, scaling="standardize"))[0].partition(" (")
    assert shared == "1 of 6 validation images in the training part as well"


def test_rows_of_a_table_and_of_arrays(photographs: Path, tmp_path: Path) -> None:
    rows = [f"train/{name}/{number}.jpg,{name}" for name in ("flower", "temple") for number in range(10)]
    (photographs / "labels.csv").write_text("\n".join(["image,label", *rows, "train/flower/3.jpg,temple"]))
    data = open_dataset(tmp_path / "cache", "table", path=str(photographs / "labels.csv"), image_size=24)
    assert told(data) == [
        "1 of 21 training images a second time (train/flower/3.jpg twice), 1 image in several classes "
        f"(train/flower/3.jpg twice); {TRAINED_ON}"
    ]
    x = np.random.default_rng(0).integers(0, 256, (20, 8, 8), np.uint8)
    np.savez(tmp_path / "x.npz", x_train=x, y_train=np.arange(20) % 2, x_test=x[4:6], y_test=np.arange(2))
    data = open_dataset(tmp_path / "cache", "arrays", path=str(tmp_path / "x.npz"))
    assert told(data) == [f"2 of 2 test images in the training part as well (x_test[0] and x_train[4]); {TRAINED_ON}"]


def test_they_are_looked_for_once_a_dataset(photographs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(photographs / "train/flower/0.jpg", photographs / "test/flower/x.jpg")
    first = told(open_folder(photographs))
    monkeypatch.setattr("src.dataset.images.copies", None)
    assert told(open_folder(photographs, scaling="none")) == first != []
