"""Local copies: every published format, by content, and every way in which a copy is broken."""

import gzip
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from src.dataset import Dataset, DatasetError
from tests.helpers.dataset_files import (
    cifar10_batches,
    cifar100_batches,
    idx,
    labelled,
    open_dataset,
    write_idx,
    write_tar,
)


def images_of(data: Dataset) -> set[bytes]:
    return {image.tobytes() for part in (data.train, data.validation) for image in part.images}


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def write_npz(path: Path, train: int = 60, test: int = 20, column: bool = False) -> None:
    x_train, y_train = labelled(train, (28, 28))
    x_test, y_test = labelled(test, (28, 28), seed=1)
    shape = (-1, 1) if column else (-1,)
    arrays = {"x_train": x_train, "y_train": y_train.reshape(shape)}
    arrays |= {"x_test": x_test, "y_test": y_test.reshape(shape)}
    np.savez(path, **arrays)


WRITERS: dict[str, Callable[[Path], object]] = {
    "idx.gz": write_idx,
    "idx": lambda place: write_idx(place, compress=False),
    "npz": lambda place: write_npz(place.with_suffix(".npz")),
    "npz, labels in a column": lambda place: write_npz(place.with_suffix(".npz"), column=True),
}


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_mnist_formats_give_the_same_images(tmp_path: Path, writer: Callable[[Path], object]) -> None:
    writer(tmp_path / "mnist")
    (place,) = tmp_path.iterdir()
    data = open_dataset(tmp_path / "cache", "mnist", path=str(place))
    images, labels = labelled(60, (28, 28))
    assert data.input_shape == (28, 28, 1)
    assert images_of(data) == {image.tobytes() for image in images}
    expected = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    assert all(expected[image.tobytes()] == label for image, label in zip(*data.train, strict=True))
    assert data.test is not None
    assert np.array_equal(data.test.images[..., 0], labelled(20, (28, 28), seed=1)[0])


def test_names_do_not_matter_and_copies_do_no_harm(tmp_path: Path) -> None:
    write_idx(tmp_path / "data")
    for number, file in enumerate(sorted((tmp_path / "data").iterdir())):
        (tmp_path / "data" / f"copy-{number}").write_bytes(gzip.decompress(file.read_bytes()))
        file.rename(tmp_path / "data" / f"file{number}.bin")
    (tmp_path / "data" / "README.txt").write_text("about these data")
    data = open_dataset(tmp_path, "mnist", path=str(tmp_path / "data"))
    assert len(images_of(data)) == 60


def test_parts_of_the_same_number_are_told_apart_by_name(tmp_path: Path) -> None:
    write_idx(tmp_path / "data", train=30, test=30)
    data = open_dataset(tmp_path, "mnist", path=str(tmp_path / "data"))
    assert images_of(data) == {image.tobytes() for image in labelled(30, (28, 28))[0]}
    for file in list((tmp_path / "data").iterdir()):
        file.rename(file.with_name(file.name.replace("t10k", "more")))
    with pytest.raises(DatasetError, match=r"cannot tell which of .* are for testing"):
        open_dataset(tmp_path / "other", "mnist", path=str(tmp_path / "data"))


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
@pytest.mark.parametrize("form", ["folder", "tar.gz", "tar"])
def test_cifar_formats(tmp_path: Path, name: str, form: str) -> None:
    files = cifar10_batches() if name == "cifar10" else cifar100_batches()
    place = tmp_path / "copy"
    if form == "folder":
        write_files(place, files)
    else:
        write_tar(place, files, name, compress=form == "tar.gz")
    data = open_dataset(tmp_path / "cache", name, path=str(place))
    assert data.input_shape == (32, 32, 3)
    assert data.test is not None
    assert len(data.test.labels) == (20 if name == "cifar10" else 100)
    flat, labels = labelled(20, (3072,), seed=2) if name == "cifar10" else labelled(200, (3072,), classes=100)
    image = np.stack([flat[7, :1024], flat[7, 1024:2048], flat[7, 2048:]], axis=-1).reshape(32, 32, 3)
    (row,) = np.flatnonzero((data.train.images == image).all(axis=(1, 2, 3)))
    assert data.train.labels[row] == labels[7]
    assert len(data.class_names) == (10 if name == "cifar10" else 100)


def test_cifar_pickled_by_python_3_is_read(tmp_path: Path) -> None:
    images, labels = labelled(100, (3072,))
    (tmp_path / "batch").write_bytes(pickle.dumps({"data": images, "labels": labels.tolist()}))
    assert len(open_dataset(tmp_path / "cache", "cifar10", path=str(tmp_path / "batch")).train.labels) == 80


def test_no_pickle_runs_code(tmp_path: Path) -> None:
    (tmp_path / "batch").write_bytes(pickle.dumps({"data": print}, protocol=2))
    with pytest.raises(DatasetError, match="print has no place in a CIFAR batch"):
        open_dataset(tmp_path / "cache", "cifar10", path=str(tmp_path / "batch"))


def damaged(change: Callable[[Path], object]) -> Callable[[Path], object]:
    def write(place: Path) -> None:
        write_idx(place)
        change(place)

    return write


def cut(name: str, by: int, inside: bool) -> Callable[[Path], object]:
    """Shorten a file: its compressed bytes, or the content that it compresses."""

    def change(place: Path) -> None:
        file = place / name
        content = file.read_bytes()
        file.write_bytes(gzip.compress(gzip.decompress(content)[:-by]) if inside else content[:-by])

    return change


def replaced(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda place: (place / name).write_bytes(content)


BROKEN: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "empty folder": ("mnist", lambda place: place.mkdir(), "must hold IDX .*, got none of these"),
    "truncated gzip": ("mnist", damaged(cut("train-images-idx3-ubyte.gz", 50, False)), "is damaged .*; fetch it again"),
    "truncated idx": (
        "mnist",
        damaged(cut("train-images-idx3-ubyte.gz", 50, True)),
        "must hold 47040 values by its header, got 46990",
    ),
    "fewer labels": (
        "mnist",
        damaged(replaced("train-labels-idx1-ubyte.gz", idx(np.zeros(59, np.uint8)))),
        "60 images and must have as many labels, got .*59 in train-labels",
    ),
    "labels out of range": (
        "mnist",
        damaged(replaced("train-labels-idx1-ubyte.gz", idx(np.arange(60, dtype=np.uint8)))),
        "from 0 to 9, one of 10 classes, got 0 to 59",
    ),
    "an empty class": (
        "fashion_mnist",
        damaged(replaced("train-labels-idx1-ubyte.gz", idx(np.arange(60, dtype=np.uint8) % 9))),
        "no training image of class Ankle boot",
    ),
    "no labels": ("mnist", lambda place: write_files(place, {"x": idx(labelled(3, (4, 4))[0])}), "got none"),
    "no images": ("mnist", lambda place: write_files(place, {"x": idx(labelled(3, (4, 4))[1])}), "no images in"),
    "floats": (
        "mnist",
        lambda place: np.savez(place.with_suffix(".npz"), x=np.zeros((3, 4, 4)), y=np.zeros(3, int)),
        "must be uint8 .*, got float64",
    ),
    "cifar10 as cifar100": (
        "cifar100",
        lambda place: write_files(place, cifar10_batches()),
        "must hold cifar100, got cifar10; type dataset=cifar10",
    ),
    "cifar10 as mnist": ("mnist", lambda place: write_files(place, cifar10_batches()), "must hold mnist, got CIFAR"),
    "a batch is missing": (
        "cifar10",
        lambda place: write_files(place, {k: v for k, v in cifar10_batches().items() if k[-1] != "3"}),
        "must hold 5 batches of the train part, got 4",
    ),
    "a truncated batch": (
        "cifar10",
        lambda place: write_files(place, {k: v[: len(v) // 2] for k, v in cifar10_batches().items()}),
        "is not a readable CIFAR batch",
    ),
    "a truncated archive": (
        "cifar10",
        lambda place: (write_tar(place, cifar10_batches(), "c"), place.write_bytes(place.read_bytes()[:90_000])),
        "is damaged",
    ),
}


@pytest.mark.parametrize(("name", "writer", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_copies(tmp_path: Path, name: str, writer: Callable[[Path], object], message: str) -> None:
    writer(tmp_path / "copy")
    (place,) = tmp_path.iterdir()
    with pytest.raises(DatasetError, match=message):
        open_dataset(tmp_path / "cache", name, path=str(place))
    kept = [item.name for item in (tmp_path / "cache").glob("*") if item.name != "lock"]
    assert kept == []
