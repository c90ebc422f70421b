"""Features of a frozen backbone: computed once a machine, whatever happens meanwhile, and what the whole model sees."""

import os
import subprocess
import sys
import zipfile
from collections import namedtuple
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from src.config.augmentation import AugmentationConfig
from src.dataset import DatasetError, cache
from src.model import backbones, features
from src.model.features import Stopped, bound, load_features
from src.model.pretrained import build_head, build_pretrained
from tests.helpers.backbones import photographs, settings, small
from tests.helpers.command import ROOT

OFF = AugmentationConfig()
FLIPPED = AugmentationConfig(horizontal_flip=True, rotation_range=20.0, mode="expand", copies=2)


@pytest.fixture(autouse=True)
def a_small_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backbones, "load", small)
    monkeypatch.setattr(backbones, "_frozen", type(backbones._frozen)())


def refuse(*_: Any) -> None:
    raise AssertionError("computed again")


@pytest.mark.parametrize("pooling", ["avg", "max"])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_whole_model_is_the_head_on_the_features(tmp_path: Path, pooling: str, channels: int) -> None:
    config, data = settings(pooling=pooling), photographs(channels=channels)
    found, parameters = load_features(config, data, OFF, 0, folder=tmp_path)
    assert found.train.images.dtype == np.float16
    assert (found.train.images.shape, found.validation.images.shape) == ((24, 4), (12, 4))
    head = build_head(config, 4, 2, seed=3)
    whole = build_pretrained(config, data.input_shape, 2, 3, head, shared=True)
    of_features = np.asarray(head(np.asarray(found.validation.images, "float32")))
    of_images = np.asarray(whole(data.validation.images))
    np.testing.assert_allclose(of_images, of_features, atol=2e-3)
    assert whole.count_params() == head.count_params() + parameters
    assert len(whole.trainable_variables) == len(head.trainable_variables) == 4


def test_they_are_computed_once_for_all_poolings_heads_and_trials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = photographs()
    load_features(settings(), data, OFF, 0, folder=tmp_path)
    monkeypatch.setattr(features, "_compute", refuse)
    load_features(settings(pooling="max", dense_units=9, dropout=0.0, trainable=2), data, OFF, 7, folder=tmp_path)
    others: list[tuple[Any, Any, Any]] = [
        (settings(backbone="MobileNet"), data, OFF),
        (settings(), photographs(seed=1), OFF),
        (settings(), data, FLIPPED),
    ]
    for config, other, augmentation in others:
        with pytest.raises(AssertionError, match="again"):
            load_features(config, other, augmentation, 0, folder=tmp_path)


def test_augmented_variants_follow_the_images_the_same_for_all(tmp_path: Path) -> None:
    data = photographs()
    found, _ = load_features(settings(), data, FLIPPED, 0, folder=tmp_path)
    plain, _ = load_features(settings(), data, OFF, 0, folder=tmp_path)
    again, _ = load_features(settings(), data, FLIPPED, 0, folder=tmp_path / "elsewhere")
    assert len(found.train.images) == len(found.train.labels) == 3 * 24
    assert len(found.validation.images) == 12
    np.testing.assert_allclose(found.train.images[:24], plain.train.images, atol=2e-3)
    assert np.abs(found.train.images[24:48] - plain.train.images).max() > 0.01
    np.testing.assert_array_equal(found.train.labels[48:], data.train.labels)
    np.testing.assert_array_equal(again.train.images, found.train.images)


def test_a_sweep_that_stops_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        load_features(settings(), photographs(), OFF, 0, stop=lambda: True, folder=tmp_path)
    assert not list(tmp_path.rglob("*.npy")) and not list(tmp_path.rglob("draft-*"))


def test_a_disk_without_room_is_told_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features.shutil, "disk_usage", lambda _: namedtuple("Usage", "free")(free=100))
    monkeypatch.setattr(features, "_compute", refuse)
    with pytest.raises(DatasetError) as caught:
        load_features(settings(), photographs(), OFF, 0, folder=tmp_path)
    assert str(caught.value).startswith("`model.backbone`: the features that MobileNetV2 makes of 36 images need ")
    assert "\n" not in str(caught.value)


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    places = []
    for i in range(4):
        place = tmp_path / str(i)
        cache.entry(place, i, lambda draft: (cache.save(draft / "x.npy", np.zeros(249_000, np.uint8)), {})[1])
        os.utime(place / cache.digest(i), (1000 - i, 1000 - i))
        places.append(place)
    bound(tmp_path, 1, places[3])
    assert all(list(place.rglob("x.npy")) for place in places)
    with open(places[2] / "lock", "a") as busy:
        features.fcntl.flock(busy, features.fcntl.LOCK_EX)
        (places[0] / "more").mkdir()
        (places[0] / "more" / "y").write_bytes(bytes(400_000))
        os.utime(places[0] / "more", (1, 1))
        bound(tmp_path, 1, places[3])
    assert [bool(list(place.rglob("x.npy"))) for place in places] == [False, False, True, True]


# TensorFlow is imported once; then a worker is killed while it computes, and four want the features at once.
WORKERS = """
import os, signal, sys, time
from pathlib import Path
from src.config.augmentation import AugmentationConfig
from src.model import backbones
from src.model.features import load_features
from tests.helpers.backbones import photographs, settings, small

backbones.load = small
folder, log = Path(sys.argv[1]), Path(sys.argv[2])

def work(name, seconds):
    def begun():
        with log.open("a") as file:
            print(name, file=file, flush=True)
        time.sleep(seconds)
        return False
    found, _ = load_features(settings(), photographs(40), AugmentationConfig(), 0, begun, folder)
    total = float(found.train.images.sum(dtype="float64"))
    os.write(1, f"{name} {found.train.images.shape} {total}\\n".encode())  # in one piece

def start(name, seconds):
    pid = os.fork()
    if not pid:
        work(name, seconds)
        os._exit(0)
    return pid

killed = start("killed", 60)
while not log.exists():
    time.sleep(0.02)
others = [start(f"worker{i}", 0) for i in range(4)]
time.sleep(0.5)
os.kill(killed, signal.SIGKILL)
for pid in [killed, *others]:
    os.waitpid(pid, 0)
"""


@pytest.mark.slow
def test_four_workers_and_a_killed_one_compute_them_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WORKERS, str(tmp_path / "cache"), str(tmp_path / "log")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    lines = [line.split(" ", 1) for line in done.stdout.splitlines()]
    assert sorted(name for name, _ in lines) == [f"worker{i}" for i in range(4)], done.stderr
    assert len({values for _, values in lines}) == 1
    begun = set((tmp_path / "log").read_text().split())
    assert len(begun) == 2 and "killed" in begun, "one of the four computed, once"
    assert not list(tmp_path.rglob("draft-*"))
    assert len(list(tmp_path.rglob("entry.json"))) == 1


def test_a_saved_model_needs_nothing_of_ours(tmp_path: Path) -> None:
    data = photographs(channels=1)
    whole = build_pretrained(settings(backbone="VGG16"), data.input_shape, 2, 0)
    whole.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as file:
        assert b'"src.' not in file.read("config.json")
    loaded: Any = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(np.asarray(loaded(data.train.images)), np.asarray(whole(data.train.images)), rtol=1e-5)
