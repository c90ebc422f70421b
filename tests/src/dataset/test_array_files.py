"""Arrays in HDF5 and in MATLAB's files, as published data sets have them."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy import io

from src.dataset import Dataset, DatasetError
from tests.helpers.dataset_files import open_dataset

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (40, 6, 5, 3), np.uint8)
Y = np.arange(40) % 4


def opened(tmp_path: Path, name: str = "") -> Dataset:
    return open_dataset(tmp_path / "cache", "arrays", path=str(tmp_path / "files" / name))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    return tmp_path / "files"


def write_hdf5(file: Path, **arrays: Any) -> None:
    with h5py.File(file, "w") as written:
        for name, array in arrays.items():
            written[name] = array


def check(data: Dataset) -> None:
    assert data.test is not None
    assert [len(part.labels) for part in (data.train, data.validation, data.test)] == [32, 8, 8]
    there = {(image.tobytes(), label) for image, label in zip(X, Y % 4, strict=True)}
    for images, labels in (data.train, data.validation, data.test):
        assert {(np.asarray(i, np.uint8).tobytes(), int(n)) for i, n in zip(images, labels, strict=True)} <= there


def test_hdf5_with_a_group_a_part(tmp_path: Path, files: Path) -> None:
    write_hdf5(files / "a.h5", **{"train/x": X, "train/y": Y, "test/x": X[:8], "test/y": Y[:8]})
    check(opened(tmp_path, "a.h5"))


@pytest.mark.slow
def test_a_file_for_each_part_with_the_names_of_the_classes(tmp_path: Path, files: Path) -> None:
    names = np.array([b"a", b"b", b"c", b"d"])
    write_hdf5(files / "train_cats.h5", train_set_x=X, train_set_y=Y, list_classes=names)
    write_hdf5(files / "test_cats.h5", test_set_x=X[:8], test_set_y=Y[:8], list_classes=names)
    data = opened(tmp_path)
    check(data)
    assert data.class_names == ("a", "b", "c", "d")


@pytest.mark.slow
def test_a_file_for_images_and_one_for_labels_of_each_part(tmp_path: Path, files: Path) -> None:
    for part, count in (("train", 40), ("test", 8)):  # as of PatchCamelyon
        write_hdf5(files / f"camelyon_split_{part}_x.h5", x=X[:count])
        write_hdf5(files / f"camelyon_split_{part}_y.h5", y=Y[:count, None, None, None])
    check(opened(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("compressed", [False, True])
def test_matlabs_with_the_images_along_the_last_axis(tmp_path: Path, files: Path, compressed: bool) -> None:
    for part, count in (("train", 40), ("test", 8)):  # as of SVHN
        arrays = {"X": np.moveaxis(X[:count], 0, -1), "y": Y[:count, None] + 1}
        io.savemat(files / f"{part}_32x32.mat", arrays, do_compression=compressed)
    data = opened(tmp_path)
    check(data)
    assert data.class_names == ("1", "2", "3", "4")


@pytest.mark.slow
def test_matlabs_newest_is_hdf5_with_its_axes_turned_round(tmp_path: Path, files: Path) -> None:
    file = files / "a.mat"
    write = {"x_train": X.T, "y_train": Y[None], "x_test": X[:8].T, "y_test": Y[None, :8]}
    with h5py.File(file, "w", userblock_size=512) as written:
        for name, array in write.items():
            written[name] = array
    with open(file, "r+b") as raw:  # MATLAB's own head, by which it is told
        raw.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    check(opened(tmp_path, "a.mat"))


@pytest.mark.slow
def test_several_files_that_do_not_say_their_part_are_refused(tmp_path: Path, files: Path) -> None:
    for name in ("one.h5", "two.h5"):
        write_hdf5(files / name, x=X, y=Y)
    with pytest.raises(DatasetError, match=r"whose names say their part, got one\.h5, two\.h5 in"):
        opened(tmp_path)
    (files / "one.h5").write_bytes(b"no HDF5")
    with pytest.raises(DatasetError, match="is not a readable array; save it again with"):
        opened(tmp_path, "one.h5")
