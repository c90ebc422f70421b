"""The cache: one builder, whole entries only, one copy in memory."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.dataset import DatasetError, cache
from tests.helpers.dataset_files import open_dataset, write_idx, write_images

ROOT = Path(__file__).parents[3]

# Builds an entry slowly, notes that it did, and prints the sum of what it opened.
BUILDER = """
import sys, time
from pathlib import Path
import numpy as np
from src.dataset import cache

def build(place):
    with open(sys.argv[2], "a") as log:
        print("begun", file=log, flush=True)
    array = cache.create(place / "x.npy", (100,), np.int64)
    array[:50] = 1
    time.sleep(float(sys.argv[3]))
    array[50:] = 1
    return {}

print(cache.entry(Path(sys.argv[1]), "key", build).arrays["x"].sum())
"""


# A network file system may have no locks.
LOCKLESS = """
import errno, fcntl

def flock(*_):
    raise OSError(errno.ENOLCK, "No locks available")

fcntl.flock = flock
"""


def start_builder(folder: Path, seconds: float, before: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", before + BUILDER, str(folder), str(folder.parent / "log"), str(seconds)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def build_three(place: Path) -> dict[str, Any]:
    cache.save(place / "x.npy", np.arange(3))
    return {"note": "three"}


def refuse(place: Path) -> dict[str, Any]:
    raise AssertionError(f"{place} was built again")


def test_an_entry_is_built_once_and_read_only(tmp_path: Path) -> None:
    first = cache.entry(tmp_path, {"a": [1, None]}, build_three)
    again = cache.entry(tmp_path, {"a": [1, None]}, refuse)
    assert again.meta == first.meta == {"note": "three"}
    assert again.arrays["x"].tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="read-only"):
        again.arrays["x"][0] = 1
    other = cache.entry(tmp_path, {"a": [2, None]}, lambda place: build_three(place) | {"note": "other"})
    assert other.meta == {"note": "other"}


def test_several_processes_build_once(tmp_path: Path) -> None:
    builders = [start_builder(tmp_path / "cache", 0.5) for _ in range(4)]
    assert [builder.communicate()[0].strip() for builder in builders] == ["100"] * 4
    assert (tmp_path / "log").read_text().split() == ["begun"]


@pytest.mark.slow
def test_without_locks_several_build_and_one_entry_is_kept(tmp_path: Path) -> None:
    builders = [start_builder(tmp_path / "cache", 1, LOCKLESS) for _ in range(3)]
    assert [builder.communicate()[0].strip() for builder in builders] == ["100"] * 3
    assert len(list((tmp_path / "cache").glob("*/entry.json"))) == 1
    assert not list((tmp_path / "cache").glob("draft-*"))
    again = start_builder(tmp_path / "cache", 1, LOCKLESS)
    assert again.communicate()[0].strip() == "100"
    assert len((tmp_path / "log").read_text().split()) <= 3, "the entry is read, not made again"


def test_a_killed_build_leaves_nothing_that_is_taken_for_data(tmp_path: Path) -> None:
    killed = start_builder(tmp_path / "cache", 60)
    deadline = time.monotonic() + 60
    while not (tmp_path / "log").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    waiting = start_builder(tmp_path / "cache", 0)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert waiting.communicate()[0].strip() == "100"
    assert not list((tmp_path / "cache").glob("draft-*"))


@pytest.mark.parametrize("damage", ["cut", "removed", "no json"])
def test_a_damaged_entry_is_built_again(tmp_path: Path, damage: str) -> None:
    cache.entry(tmp_path, "key", build_three)
    array = tmp_path / cache.digest("key") / "x.npy"
    if damage == "cut":
        os.truncate(array, 130)
    elif damage == "removed":
        array.unlink()
    else:
        (array.parent / "entry.json").write_text("")
    assert cache.entry(tmp_path, "key", build_three).arrays["x"].tolist() == [0, 1, 2]


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    def fail(place: Path) -> dict[str, Any]:
        cache.save(place / "x.npy", np.arange(3))
        raise DatasetError("no")

    with pytest.raises(DatasetError, match="no"):
        cache.entry(tmp_path, "key", fail)
    assert [item.name for item in tmp_path.iterdir()] == ["lock"]


def test_entries_that_nobody_uses_go(tmp_path: Path) -> None:
    for key in ("old", "new"):
        cache.entry(tmp_path, key, build_three)
    long_ago = time.time() - 31 * 24 * 3600
    os.utime(tmp_path / cache.digest("old"), (long_ago, long_ago))
    cache.entry(tmp_path, "third", build_three)
    assert not (tmp_path / cache.digest("old")).exists()
    cache.entry(tmp_path, "new", refuse)


def test_a_cache_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match=r"cannot write the cache .*XDG_CACHE_HOME"):
        cache.entry(tmp_path / "file" / "convsweep", "key", build_three)


def test_a_full_disk_is_noticed_before_anything_is_written(tmp_path: Path) -> None:
    def too_much(place: Path) -> dict[str, Any]:
        cache.create(place / "x.npy", (2**50,), np.uint8)
        return {}

    with pytest.raises(DatasetError, match=r"cannot write the cache .*free space there"):
        cache.entry(tmp_path, "key", too_much)


def test_the_default_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.default_folder() == tmp_path / "convsweep"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.default_folder() == tmp_path / ".cache" / "convsweep"


def test_another_seed_keeps_what_was_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        write_images(tmp_path / "data" / name, 5)
    settings: dict[str, Any] = {"path": str(tmp_path / "data"), "image_size": 8}
    open_dataset(tmp_path / "cache", "image_folder", **settings)
    monkeypatch.setattr("src.dataset.images.decode_all", refuse)
    other = open_dataset(tmp_path / "cache", "image_folder", seed=1, labels="onehot", limit=6, **settings)
    assert len(other.train.labels) + len(other.validation.labels) == 6


# Loads a dataset, touches every image, says so, and on demand prints its proportional set size in kB.
READER = """
import json, sys
from pathlib import Path
from src.config.dataset import DatasetConfig
from src.dataset import load

def pss():
    return sum(int(l.split()[1]) for l in open("/proc/self/smaps_rollup") if l.startswith("Pss:"))

before = pss()
data = load(DatasetConfig("mnist", path=sys.argv[1]), 0, Path(sys.argv[2]))
total = sum(int(part.images.sum()) for part in (data.train, data.validation, data.test))
print("ready", flush=True)
sys.stdin.readline()
print(json.dumps([pss() - before, sum(part.images.nbytes for part in (data.train, data.validation, data.test))]))
"""


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux's smaps_rollup")
def test_two_processes_share_one_copy(tmp_path: Path) -> None:
    write_idx(tmp_path / "data", train=40_000, test=10_000, compress=False)
    command = [sys.executable, "-c", READER, str(tmp_path / "data"), str(tmp_path / "cache")]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    subprocess.run(command, input="\n", cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    readers = [subprocess.Popen(command, cwd=ROOT, **pipes) for _ in range(2)]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    sizes = []
    for reader in readers:
        assert reader.stdin is not None
        assert reader.stdout is not None
        reader.stdin.write("\n")
        reader.stdin.flush()
        sizes.append(json.loads(reader.stdout.readline()))
    for reader in readers:
        reader.communicate()
    (first, size), (second, _) = sizes
    assert size == 50_000 * 28 * 28
    # Together they hold the images once; a copy each would be twice.
    assert (first + second) * 1024 < 1.7 * size
