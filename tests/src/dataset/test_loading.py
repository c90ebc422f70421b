"""From settings to arrays: digits and Fashion-MNIST."""

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from src.config.dataset import DatasetConfig
from src.dataset import DatasetError, Split, loading, published
from tests.helpers.dataset_files import open_dataset, write_idx, write_images

FASHION = Path("/usr/share/datasets/fashion-mnist")


def test_digits(tmp_path: Path) -> None:
    data = open_dataset(tmp_path, "digits")
    assert data.input_shape == (8, 8, 1)
    assert [len(part.labels) for part in (data.train, data.validation)] == [1150, 288]
    assert data.test is not None
    assert len(data.test.labels) == 359
    assert (data.train.images.dtype, data.train.labels.dtype) == (np.uint8, np.int32)
    assert data.class_names == tuple("0123456789")
    assert (data.scale, data.offset) == ((1 / 16,), (0.0,))


def test_the_parts_are_stratified_and_the_seed_decides(tmp_path: Path) -> None:
    first, again, other = (open_dataset(tmp_path / str(n), "digits", seed=seed) for n, seed in enumerate((3, 3, 4)))
    counts = np.bincount(first.validation.labels)
    assert counts.max() - counts.min() <= 2
    assert np.array_equal(first.validation.images, again.validation.images)
    assert not np.array_equal(first.validation.images, other.validation.images)
    assert first.test is not None
    assert other.test is not None
    assert np.array_equal(first.test.images, other.test.images)


def test_no_image_is_in_two_parts(tmp_path: Path) -> None:
    write_idx(tmp_path / "data")
    data = open_dataset(tmp_path, "mnist", path=str(tmp_path / "data"))
    assert data.test is not None
    images = [image.tobytes() for part in (data.train, data.validation, data.test) for image in part.images]
    assert len(set(images)) == len(images) == 80


def test_limit_takes_that_many_of_every_class(tmp_path: Path) -> None:
    data = open_dataset(tmp_path, "digits", limit=100)
    assert [len(data.train.labels), len(data.validation.labels)] == [80, 20]
    assert np.bincount(data.train.labels).tolist() == [8] * 10
    assert data.test is not None
    assert len(data.test.labels) == 359


def test_folds_are_scaled_alike_and_come_together_in_their_order(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(loading, "default_folder", lambda: tmp_path)
    config = DatasetConfig("digits", limit=100, folds=3, scaling="standardize", image_size=4)
    folds = [loading.load(config, 0, number=number) for number in (1, 2, 3)]
    assert [len(data.validation.labels) for data in folds] == [34, 33, 33]
    assert [len(data.train.labels) for data in folds] == [66, 67, 67]
    assert len({(data.scale, data.offset) for data in folds}) == 1
    together = loading.all_validated(config, 0, 3).validation
    assert np.array_equal(together.labels, np.concatenate([data.validation.labels for data in folds]))
    assert np.array_equal(together.images[34:67], folds[1].validation.images)


def test_folds_beside_a_validation_part_of_the_datas_own_are_refused(tmp_path: Path) -> None:
    for part in ("train", "validation"):
        for name in ("a", "b"):
            write_images(tmp_path / "data" / part / name, 4)
    with pytest.raises(
        DatasetError, match=r"`dataset\.folds` must be null where the data has a validation part of its own"
    ):
        open_dataset(tmp_path, "image_folder", path=str(tmp_path / "data"), image_size=8, folds=2)


def pixels(part: Split | None) -> set[bytes]:
    return set() if part is None else {image.tobytes() for image in part.images}


def test_a_test_part_is_the_same_for_every_seed_fold_and_limit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (60, 4, 4), np.uint8), np.repeat([0, 1, 2], [40, 17, 3])
    np.savez(tmp_path / "own.npz", x=images, y=labels)
    first, *others = [
        open_dataset(tmp_path, "arrays", seed, path=str(tmp_path / "own.npz"), test_fraction=0.2, **more)
        for seed, more in [(0, {}), (7, {}), (0, {"folds": 2}), (3, {"limit": 20}), (0, {"validation_fraction": 0.5})]
    ]
    assert first.test is not None
    assert np.bincount(first.test.labels).tolist() == [8, 3, 1]
    assert not np.array_equal(first.validation.images, others[0].validation.images)
    for data in (first, *others):
        assert pixels(data.test) == pixels(first.test)
        assert data.digests["test"] == first.digests["test"]
        assert not pixels(first.test) & (pixels(data.train) | pixels(data.validation))
        assert (
            data.notes[-1]
            == "12 of 60 images are the test part, the same ones for every seed (dataset.test_fraction=0.2)"
        )
    assert len(first.train.images) + len(first.validation.images) == 48
    assert len(others[2].train.images) + len(others[2].validation.images) == 20
    config = DatasetConfig("arrays", path=str(tmp_path / "own.npz"), test_fraction=0.2, folds=2)
    validating = [pixels(loading.load(config, 5, tmp_path, number).validation) for number in (1, 2)]
    assert set.union(*validating) == {image.tobytes() for image in images} - pixels(first.test)
    without = open_dataset(tmp_path, "arrays", path=str(tmp_path / "own.npz"))
    assert (without.test, len(without.train.images), len(without.validation.images)) == (None, 48, 12)


def test_a_test_part_beside_a_validation_part_of_the_datas_own(tmp_path: Path) -> None:
    images = np.arange(40, dtype=np.uint8)[:, None, None] * np.ones((1, 4, 4), np.uint8)
    np.savez(tmp_path / "own.npz", x=images[:30], y=np.arange(30) % 2, x_val=images[30:], y_val=np.arange(10) % 2)
    data = open_dataset(tmp_path, "arrays", path=str(tmp_path / "own.npz"), test_fraction=0.2)
    assert data.test is not None
    assert [len(part.images) for part in (data.train, data.validation, data.test)] == [24, 10, 6]
    assert pixels(data.train) | pixels(data.test) == {image.tobytes() for image in images[:30]}


def test_a_test_part_of_images_that_have_one_is_refused(tmp_path: Path) -> None:
    images, labels = np.zeros((8, 4, 4), np.uint8), np.arange(8) % 2
    np.savez(tmp_path / "own.npz", x=images, y=labels, x_test=images, y_test=labels)
    with pytest.raises(
        DatasetError, match=r"`dataset\.test_fraction` must be null where the data has a test part of its"
    ):
        open_dataset(tmp_path, "arrays", path=str(tmp_path / "own.npz"), test_fraction=0.2)


def test_a_limit_under_the_number_of_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"`dataset\.limit` must be at least 10.*got 9; type e\.g\. dataset\.limit="):
        open_dataset(tmp_path, "digits", limit=9)


def test_one_hot_labels(tmp_path: Path) -> None:
    sparse = open_dataset(tmp_path, "digits")
    onehot = open_dataset(tmp_path, "digits", labels="onehot")
    assert (onehot.train.labels.shape, onehot.train.labels.dtype) == ((1150, 10), np.float32)
    assert np.array_equal(onehot.train.labels.argmax(axis=1), sparse.train.labels)
    assert (onehot.train.labels.sum(axis=1) == 1).all()


def test_image_size_resizes_every_part(tmp_path: Path) -> None:
    data = open_dataset(tmp_path, "digits", image_size=[6, 12])
    assert data.input_shape == (6, 12, 1)
    assert data.test is not None
    assert data.validation.images.shape[1:] == data.test.images.shape[1:] == (6, 12, 1)
    same = open_dataset(tmp_path, "digits", image_size=8)
    assert np.array_equal(same.train.images, open_dataset(tmp_path, "digits").train.images)


def test_scaling_uses_the_training_part_only(tmp_path: Path) -> None:
    data = open_dataset(tmp_path, "digits", scaling="standardize")
    assert data.scale is not None
    assert data.offset is not None
    scaled = data.train.images * np.array(data.scale) + np.array(data.offset)
    assert abs(scaled.mean()) < 1e-12
    assert abs(scaled.std() - 1) < 1e-12
    assert abs((data.validation.images * data.scale[0] + data.offset[0]).mean()) > 1e-6
    unscaled = open_dataset(tmp_path, "digits", scaling="none")
    assert unscaled.scale is unscaled.offset is None


def test_wrong_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        open_dataset(tmp_path, "digits", limit=0, labels="words")
    assert [line.split("`")[1] for line in str(caught.value).splitlines()] == ["dataset.labels", "dataset.limit"]


def test_loading_imports_no_tensorflow(tmp_path: Path) -> None:
    write_idx(tmp_path / "data")
    program = f"""
import sys
from pathlib import Path
from src.config.dataset import DatasetConfig
from src.dataset import load
load(DatasetConfig("fashion_mnist", path={str(tmp_path / "data")!r}), 0, Path({str(tmp_path)!r}))
assert not {{"tensorflow", "keras", "sklearn"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[3])


@pytest.mark.skipif(not FASHION.is_dir(), reason="needs Debian's dataset-fashion-mnist")
def test_fashion_mnist_is_found_where_debian_puts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    data = open_dataset(tmp_path, "fashion_mnist")
    assert data.input_shape == (28, 28, 1)
    assert data.test is not None
    assert [len(part.labels) for part in (data.train, data.validation, data.test)] == [48_000, 12_000, 10_000]
    assert np.bincount(data.train.labels).tolist() == [4_800] * 10
    start = time.perf_counter()
    assert open_dataset(tmp_path, "fashion_mnist") is data
    assert time.perf_counter() - start < 0.1


def test_keras_cache_comes_before_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    write_idx(tmp_path / "datasets" / "fashion-mnist")
    assert len(open_dataset(tmp_path / "cache", "fashion_mnist").train.labels) == 48


def test_a_dataset_that_is_nowhere_lists_every_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise Exception("URL fetch failure: no network")

    keras = SimpleNamespace(datasets=SimpleNamespace(fashion_mnist=SimpleNamespace(load_data=fail)))
    monkeypatch.setitem(sys.modules, "keras", keras)  # the real one takes ten seconds to import

    nowhere = published.PUBLISHED["fashion_mnist"]._replace(system=tmp_path / "debian")
    monkeypatch.setitem(published.PUBLISHED, "fashion_mnist", nowhere)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    with pytest.raises(DatasetError) as caught:
        open_dataset(tmp_path / "cache", "fashion_mnist")
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        "1. dataset.path",
        "2. Keras's cache",
        "3. Debian's",
        "4. Keras's download",
    ]
    assert "no network" in lines[4]


def test_a_download_is_read_from_keras_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch() -> None:
        write_idx(tmp_path / "keras" / "datasets" / "fashion-mnist")

    keras = SimpleNamespace(datasets=SimpleNamespace(fashion_mnist=SimpleNamespace(load_data=fetch)))
    monkeypatch.setitem(sys.modules, "keras", keras)
    nowhere = published.PUBLISHED["fashion_mnist"]._replace(system=None)
    monkeypatch.setitem(published.PUBLISHED, "fashion_mnist", nowhere)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    assert len(open_dataset(tmp_path / "cache", "fashion_mnist").train.labels) == 48
