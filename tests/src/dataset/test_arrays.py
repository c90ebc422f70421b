"""Arrays of one's own: any names, shapes and types that people have, and every mistake in one line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.dataset import Dataset, DatasetError
from tests.helpers.dataset_files import open_dataset

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (40, 6, 5), np.uint8)
Y = np.arange(40) % 4


def open_npz(tmp_path: Path, arrays: dict[str, Any], **settings: Any) -> Dataset:
    np.savez(tmp_path / "my.npz", **arrays)
    return open_dataset(tmp_path / "cache", "arrays", path=str(tmp_path / "my.npz"), **settings)


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("X_train", "Y_train", "X_test", "Y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("trainX", "trainY", "testX", "testY"),
        ("Xtrain", "ytrain", "Xtest", "ytest"),
        ("x", "y", "x_test", "y_test"),
        ("train_set_x", "train_set_y", "test_set_x", "test_set_y"),
        ("images_training", "targets_training", "images_testing", "targets_testing"),
    ],
)
def test_usual_names(tmp_path: Path, names: tuple[str, ...]) -> None:
    data = open_npz(tmp_path, dict(zip(names, (X, Y, X[:8], Y[:8]), strict=True)))
    assert data.test is not None
    assert [len(part.labels) for part in (data.train, data.validation, data.test)] == [32, 8, 8]
    assert data.input_shape == (6, 5, 1)
    assert data.class_names == ("0", "1", "2", "3")
    assert np.array_equal(data.test.images[..., 0], X[:8])


def test_a_validation_part_and_class_names_of_its_own(tmp_path: Path) -> None:
    arrays = {"x_train": X, "y_train": Y, "x_val": X[:4], "y_val": Y[:4], "class_names": list("dcba"), "ids": Y}
    data = open_npz(tmp_path, arrays)
    assert [len(data.train.labels), len(data.validation.labels)] == [40, 4]
    assert data.class_names == ("d", "c", "b", "a")
    assert data.validation.labels.tolist() == [0, 1, 2, 3]
    assert data.notes[1] == "arrays ids are left alone"


def test_a_folder_of_npy(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name, array in (("x_train", X), ("y_train", Y)):
        np.save(tmp_path / "data" / name, array)
    assert len(open_dataset(tmp_path / "cache", "arrays", path=str(tmp_path / "data")).train.labels) == 32


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (Y[:, np.newaxis], "0123"),
        (Y.astype(float), "0123"),
        (np.eye(4)[Y], "0123"),
        (np.eye(4, dtype=bool)[Y], "0123"),
        (Y + 1, "1234"),
        (np.array(list("dcba"))[Y], "abcd"),
        (np.array([b"d", b"c", b"b", b"a"])[Y], "abcd"),
    ],
    ids=["column", "float", "one-hot", "bool", "from one", "text", "bytes"],
)
def test_labels_of_all_kinds(tmp_path: Path, labels: np.ndarray, names: str) -> None:
    data = open_npz(tmp_path, {"x": X, "y": labels})
    assert data.class_names == tuple(names)
    by_pixels = {image.tobytes(): label for image, label in zip(X, Y, strict=True)}
    expected = [by_pixels[np.ascontiguousarray(image).tobytes()] for image in data.train.images]
    reverse = names == "abcd"
    assert [3 - label if reverse else label for label in expected] == data.train.labels.tolist()


FLOATS = X[..., np.newaxis] / 255


@pytest.mark.parametrize(
    ("images", "span"),
    [
        (X.astype(np.int64), None),
        (X.astype(np.float32), None),
        (FLOATS, (0, 1)),
        (FLOATS * 2 - 1, (-1, 1)),
        (X.astype(np.uint16) * 10 + 1000, (1000, 3550)),
    ],
    ids=["int64", "whole floats", "0 to 1", "-1 to 1", "uint16"],
)
def test_values_of_all_kinds_become_the_same_bytes(tmp_path: Path, images: np.ndarray, span: Any) -> None:
    images = images.copy()
    same = X.copy()
    same[0, 0, :2] = 0, 255
    images[0, 0, 0], images[0, 0, 1] = images.min(), images.max()
    data = open_npz(tmp_path, {"x": images, "y": Y, "x_test": images, "y_test": Y})
    assert data.test is not None
    assert np.array_equal(data.test.images[1:, ..., 0], same[1:])
    assert data.preprocessing is not None
    found = data.preprocessing.value_range
    assert found == (None if span is None else pytest.approx(span))
    assert any("become 0 to 255" in note for note in data.notes) == (span is not None)


def test_channels_first_and_last(tmp_path: Path) -> None:
    colour = RNG.integers(0, 256, (40, 6, 5, 3), np.uint8)
    last = open_npz(tmp_path, {"x": colour, "y": Y})
    (tmp_path / "first").mkdir()
    first = open_npz(tmp_path / "first", {"x": np.moveaxis(colour, 3, 1), "y": Y})
    assert np.array_equal(last.train.images, first.train.images)
    assert "channels first" in first.notes[1]


def test_binary_images(tmp_path: Path) -> None:
    assert np.unique(open_npz(tmp_path, {"x": X > 100, "y": Y}).train.images).tolist() == [0, 255]


def with_nan() -> np.ndarray:
    images = X.astype(np.float32)
    images[[7, 9], 2, 2] = np.nan
    return images


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": X, "b": Y}, "must hold arrays named x_train, y_train, .* got a, b, and no images of the train part"),
        ({"x_train": X}, "no labels of the train part"),
        ({"x": X, "y": Y, "x_test": X}, "no labels of the test part"),
        ({"x": X, "y": Y[:-3]}, "y must have a label for each of the 40 images in x, got 37"),
        ({"x": with_nan(), "y": Y}, r"NaN or infinity in 2 of 40 images, the first at x\[7\]"),
        ({"x": X, "y": np.zeros(40, int)}, "y must hold at least two classes, got 0"),
        ({"x": X, "y": np.zeros(40, int), "class_names": ["a"]}, "y must hold at least two classes, got a"),
        ({"x": X, "y": Y, "x_test": X, "y_test": Y + 1}, r"y_test must be labels that .*, got 4 \(10 images\)"),
        ({"x": X, "y": np.array(list("abcd"))[Y], "x_test": X, "y_test": Y}, "y_test must be text as those of the"),
        ({"x": X, "y": Y, "class_names": list("abc")}, "y must be from 0 to 2, one of 3 class names, got 0 to 3"),
        ({"x": X, "y": Y + 0.5}, "y must be whole numbers, got 0.5; 40 are not"),
        ({"x": X, "y": np.ones((40, 3))}, "got rows of 3 values that are not one-hot"),
        ({"x": X.reshape(40, 30), "y": Y}, r"x must be images, numbers \[N, H, W\] .*, got uint8 \[40, 30\]"),
        ({"x": np.zeros((40, 6, 5, 4)), "y": Y}, r"must have 1 channel or 3, got 4"),
        ({"x": X, "y": Y, "x_test": X[:, :3], "y_test": Y}, "x_test must be of 6x5 pixels and 1 channel as x, got 3x5"),
        ({"x": X, "y": np.array(["a", None] * 20, object)}, "holds Python objects"),
        (
            {"x": X, "y": Y, "x_test": X[:8] / 255, "y_test": Y[:8]},
            "x_test must be in the units of x, uint8 from 0 to 255, got float64 from 0 to 1; scale both alike",
        ),
        ({"x": X / 255, "y": Y, "x_val": X[:8], "y_val": Y[:8]}, "got uint8 from 0 to 255; scale both alike"),
        ({"x": X[:5], "y": [0, 0, 1, 1, 2]}, "at least two images, .* there is one of 2"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        open_npz(tmp_path, arrays)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_broken_pixel_makes_no_other_units(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 1000, (40, 40, 40), np.uint16)
    images[0, 0, 0] = 60_000
    data = open_npz(tmp_path, {"x": images, "y": Y, "x_test": images[1:9], "y_test": Y[1:9]})
    assert data.test is not None and data.test.images.max() > 250


def test_a_file_that_is_no_array(tmp_path: Path) -> None:
    (tmp_path / "my.npz").write_bytes(b"no")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="is not a readable array"):
        open_dataset(tmp_path / "cache", "arrays", path=str(tmp_path / "my.npz"))
    with pytest.raises(DatasetError, match=r"names say their part, got none of these"):
        open_dataset(tmp_path / "cache", "arrays", path=str(tmp_path / "empty"))


def test_fit_and_channels(tmp_path: Path) -> None:
    wide = np.zeros((40, 10, 20, 3), np.uint8)
    wide[:, :, 5:15] = (200, 100, 0)
    arrays = {"x": wide, "y": Y}
    crop = open_npz(tmp_path, arrays, image_size=8, fit="crop", channels=1)
    assert crop.input_shape == (8, 8, 1)
    assert np.unique(crop.train.images).tolist() == [118]
    pad = open_npz(tmp_path, arrays, image_size=8, fit="pad")
    assert pad.train.images[0, :2].max() == pad.train.images[0, 6:].max() == 0
    assert pad.train.images[0, 4, 4].tolist() == [200, 100, 0]
    grey = open_npz(tmp_path, {"x": X, "y": Y}, channels=3)
    assert grey.input_shape == (6, 5, 3)
    assert grey.preprocessing is not None
    assert grey.preprocessing.as_dict() == {
        "image_size": [6, 5], "fit": "stretch", "channels": 3, "value_range": None, "scaling": "minmax",
        "class_names": ["0", "1", "2", "3"],
    }  # fmt: skip


def test_an_npy_of_python_objects_is_told_so(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", np.array(list("abcd"), object)[Y])
    with pytest.raises(DatasetError, match="holds Python objects"):
        open_dataset(tmp_path / "cache", "arrays", path=str(tmp_path))
