"""Features of folds: all images go through the backbone once, and each fold has its own rows of them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.augmentation import expanded
from src.config.augmentation import AugmentationConfig
from src.config.dataset import DatasetConfig
from src.config.schedule import Constant
from src.config.schema import Config
from src.config.training import TrainingConfig
from src.dataset import Dataset, DatasetError, Split, cache
from src.finalizing.winner import joined
from src.model import all_images, backbones, features
from src.model.features import load_features
from src.training import course
from tests.helpers.backbones import photographs, settings, small

OFF = AugmentationConfig()
FLIPPED = AugmentationConfig(horizontal_flip=True, rotation_range=20.0, mode="expand", copies=2)
COUNT = 12


@pytest.fixture(autouse=True)
def a_small_backbone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(backbones, "load", small)
    monkeypatch.setattr(backbones, "_frozen", type(backbones._frozen)())
    monkeypatch.setattr(all_images, "_known", {})


def fold(number: int, folds: int = 3) -> Dataset:
    """Return a fold of images of which the last two are the same."""
    data = photographs(COUNT)
    images, labels = data.train.images.copy(), data.train.labels
    images[-1], labels[-1] = images[-2], labels[-2]
    validates = np.arange(COUNT) % folds == number - 1
    parts = [Split(images[chosen], labels[chosen]) for chosen in (~validates, validates)]
    return replace(data, train=parts[0], validation=parts[1])


def refuse(*_: Any) -> None:
    raise AssertionError("computed again")


def close(rows: np.ndarray, others: np.ndarray) -> None:
    assert rows.dtype == np.float16
    np.testing.assert_allclose(rows, others, atol=2e-3)


@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_one_fold_computes_for_all_and_each_has_its_rows(monkeypatch: pytest.MonkeyPatch, pooling: str) -> None:
    config = settings(pooling=pooling)
    alone = [load_features(config, fold(number), OFF, 0).data for number in (1, 2, 3)]
    load_features(settings(), fold(2), OFF, 0, of_fold=True)
    monkeypatch.setattr(features, "_compute", refuse)
    monkeypatch.setattr(all_images, "_known", {})  # as in another process
    for number, expected in enumerate(alone, 1):
        found = load_features(config, fold(number), OFF, 0, of_fold=True).data
        for part in ("train", "validation"):
            close(getattr(found, part).images, getattr(expected, part).images)
            np.testing.assert_array_equal(getattr(found, part).labels, getattr(expected, part).labels)
    again = load_features(config, joined(fold(1)), OFF, 0, of_fold=True).data  # as it is finalized, on all images
    close(again.train.images[: COUNT * 2 // 3], alone[0].train.images)
    with pytest.raises(AssertionError, match="again"):
        load_features(config, photographs(COUNT, seed=1), OFF, 0, of_fold=True)


def test_an_image_has_the_same_variants_in_each_fold() -> None:
    by_image: dict[bytes, list[np.ndarray]] = {}
    for number in (1, 2, 3):
        data = fold(number)
        found = load_features(settings(), data, FLIPPED, 0, of_fold=True).data
        count = len(data.train.images)
        assert len(found.train.images) == len(found.train.labels) == 3 * count
        np.testing.assert_array_equal(found.train.labels.reshape(3, count), np.tile(data.train.labels, (3, 1)))
        rows = found.train.images.reshape(3, count, -1)
        for place, image in enumerate(data.train.images):
            by_image.setdefault(image.tobytes(), []).append(rows[:, place])
    assert len(by_image) == COUNT - 1
    for variants in by_image.values():
        assert len(variants) >= 2
        for other in variants[1:]:
            np.testing.assert_array_equal(other, variants[0])
        assert np.abs(variants[0][1] - variants[0][0]).max() > 0.01


def test_a_trial_with_folds_computes_once(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = Config(
        model=settings(), training=TrainingConfig(epochs=1), augmentation=OFF, schedule=Constant(), seed=0,
        dataset=DatasetConfig(name="made", folds=3),
    )  # fmt: skip
    computed = []
    compute = features._compute
    monkeypatch.setattr(features, "_compute", lambda *given: (computed.append(len(given[2])), compute(*given))[1])
    for number in (1, 2, 3):
        begun = course(chosen, fold(number), seed=number)
        assert len(begun.seen.train.images) == COUNT * 2 // 3
    assert computed == [COUNT - 1], "the same image twice is computed once"


def test_a_disk_that_is_full_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.os, "posix_fallocate", full)
    with pytest.raises(
        DatasetError, match=r"^cannot write 0\.\d MB of images to .*XDG_CACHE_HOME to a folder on another"
    ):
        load_features(settings(), fold(1), OFF, 0, of_fold=True)
    assert not list(tmp_path.rglob("draft-*"))
    with pytest.raises(
        DatasetError, match=r"^cannot write 0\.\d MB .*No space left on device; free .*TMPDIR to a folder"
    ):
        expanded(fold(1).train, FLIPPED, 0)
