"""A folder of arrays that are made once a machine and shared, memory-mapped, by all its processes.

An entry is a folder of `.npy` files and an `entry.json`, named by a digest of everything that it was made
from. It appears whole, by one rename, so that a killed build leaves nothing that could be taken for data.
Removing the cache, or any entry of it, is always safe.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from src.dataset.dataset import DatasetError

LAYOUT = 3  # raise it when the meaning of entries changes
NO_FLOCK = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # what some network file systems say
DAYS_KEPT = 30  # an entry that nobody opened for so long goes when the next one is made


class Entry(NamedTuple):
    """The arrays of an entry by name, mapped and read-only, and its JSON."""

    arrays: dict[str, np.ndarray]
    meta: dict[str, Any]


def default_folder() -> Path:
    """Return `convsweep` in $XDG_CACHE_HOME, or in ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "convsweep"


def digest(key: Any) -> str:
    """Name whatever JSON can hold by 32 hexadecimal digits."""
    text = json.dumps([LAYOUT, key], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def entry(folder: Path, key: Any, build: Callable[[Path], dict[str, Any]]) -> Entry:
    """Open the entry of `key`, and make it first if it is not there.

    Args:
        folder: the cache.
        key: everything that the entry depends on, as JSON can hold it.
        build: writes `.npy` files into the folder that it is given, and returns what JSON is to keep. Of
            several processes that ask at once, one builds and the others wait.

    Raises:
        DatasetError: the cache cannot be written.
    """
    place = folder / digest(key)
    found = _open(place)
    if found is not None:
        return found
    with lock(folder) as alone:
        found = _open(place)
        if found is None:
            _build(place, build, alone)
            found = _open(place)
    if found is None:
        raise DatasetError(f"{place} vanished while it was made; do not clear the cache meanwhile")
    return found


def known(folder: Path, key: Any) -> Entry | None:
    """Open the entry of `key`, if it is there."""
    return _open(folder / digest(key))


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[bool]:
    """Hold the cache for one process. The kernel lets go of it when the process dies, however that is.

    Yield False on a file system without locks: there, several may make an entry at once, and one of them is kept.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = open(folder / "lock", "a")  # noqa: SIM115
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            alone = True
        except OSError as error:
            if error.errno not in NO_FLOCK:
                raise
            alone = False
        yield alone


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn an error of writing into one that says what to do."""
    try:
        yield
    except OSError as error:
        raise DatasetError(
            f"cannot write the cache {folder}: {error.strerror or error}; free space there, or set the "
            "environment variable XDG_CACHE_HOME to a folder that can be written"
        ) from error


def create(path: Path, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Make a `.npy` file and map it for writing.

    Its space is reserved now: a disk that fills up later would kill the process (SIGBUS).
    """
    with writing(path.parent.parent):
        array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
        if hasattr(os, "posix_fallocate"):  # macOS has none
            with open(path, "r+b") as file:
                os.posix_fallocate(file.fileno(), 0, os.path.getsize(path))
    return array


def scratch(folder: Path | None, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Map a file for writing, which is gone with the array or with the process; its space is reserved now.

    Args:
        folder: in the cache, where it is; None for that of temporary files.
        shape: of the array.
        dtype: of the array.

    Raises:
        DatasetError: there is no room for it.
    """
    size = max(1, int(np.prod(shape)) * np.dtype(dtype).itemsize)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:  # which the map keeps open
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            return np.memmap(file, dtype, "w+", shape=shape)  # pyright: ignore[reportCallIssue, reportArgumentType]
    except OSError as error:
        variable = "XDG_CACHE_HOME" if folder else "TMPDIR"
        raise DatasetError(
            f"cannot write {size / 1e6:.1f} MB of images to {folder or tempfile.gettempdir()}: "
            f"{error.strerror or error}; free space there, or set the environment variable {variable} to a folder on "
            "another disk"
        ) from error


def save(path: Path, array: np.ndarray) -> None:
    """Write a `.npy` file."""
    with writing(path.parent.parent):
        np.save(path, array)


def _open(place: Path) -> Entry | None:
    try:
        meta = json.loads((place / "entry.json").read_text())
        # np.asarray drops the memmap class, whose every slice costs 10 us, and keeps the mapping.
        arrays = {file.stem: np.asarray(np.load(file, mmap_mode="r")) for file in place.glob("*.npy")}
        if sorted(arrays) != meta["arrays"]:
            return None
    except (OSError, ValueError, KeyError):
        return None
    with contextlib.suppress(OSError):  # another user's, which can be read all the same
        os.utime(place)
    return Entry(arrays, meta["meta"])


def _build(place: Path, build: Callable[[Path], dict[str, Any]], alone: bool) -> None:
    _sweep_out(place, alone)
    with writing(place.parent):
        draft = Path(tempfile.mkdtemp(prefix="draft-", dir=place.parent))
    try:
        meta = build(draft)
        record = {"arrays": sorted(file.stem for file in draft.glob("*.npy")), "meta": meta}
        with writing(place.parent):
            (draft / "entry.json").write_text(json.dumps(record))
            try:
                draft.rename(place)
            except OSError:
                if _open(place) is None:  # else another process was quicker
                    raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _sweep_out(place: Path, alone: bool) -> None:
    """Remove what a killed build left, a damaged entry, and what has not been used for long."""
    oldest = time.time() - DAYS_KEPT * 24 * 3600
    for other in place.parent.iterdir():
        with contextlib.suppress(OSError):
            draft = other.name.startswith("draft-")
            # Without a lock, a draft may be somebody's, and an entry may have come whole meanwhile.
            left = alone and draft if draft else other == place and _open(place) is None
            unused = (draft or len(other.name) == len(place.name)) and other.stat().st_mtime < oldest
            if other.is_dir() and (left or unused):
                shutil.rmtree(other, ignore_errors=True)
