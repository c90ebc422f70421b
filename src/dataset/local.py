"""Local copies of published datasets, in whatever format: told by what is in the files, not by their names."""

import functools
import gzip
import hashlib
import io
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from src.dataset import cifar, idx
from src.dataset.dataset import DatasetError, Split
from src.dataset.pairing import pair

FORMATS = "IDX (also .gz), npz, CIFAR's python batches (also .tar.gz)"
HEAD = 512  # bytes that tell a format: a tar header is the longest
DAMAGES = (OSError, EOFError, ValueError, KeyError, zlib.error, tarfile.TarError, zipfile.BadZipFile)


def recognized(place: Path) -> list[Path]:
    """Return the files of a known format, `place` itself or those in it, sorted.

    Raises:
        DatasetError: there are none.
    """
    candidates = [place] if place.is_file() else sorted(p for p in place.rglob("*") if p.is_file())
    found = [path for path in candidates if _kind(_head(path)) is not None]
    if not found:
        raise DatasetError(f"`dataset.path` must hold {FORMATS}, got none of these in {place}")
    return found


def fingerprint(path: Path) -> str:
    """Digest a file's content; once a process for as long as the file stays as it is."""
    state = path.stat()
    return _fingerprint(path, state.st_size, state.st_mtime_ns)


@functools.lru_cache
def _fingerprint(path: Path, size: int, modified: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def read(files: list[Path], dataset: str, place: Path) -> dict[str, Split]:
    """Read the files of one dataset: `train`, and `test` if there is one.

    Args:
        files: what `recognized` returned.
        dataset: its name, which decides which of CIFAR's labels to take.
        place: where they come from, for messages.

    Raises:
        DatasetError: a file is damaged, or they make no dataset.
    """
    arrays: dict[str, np.ndarray] = {}
    batches = {}
    for path in files:
        try:
            for name, content in _contents(path):
                kind = _kind(content[:HEAD])
                if kind == "idx":
                    arrays[name] = idx.decode(content, name)
                elif kind == "npz":
                    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                        arrays |= {f"{name}:{key}": archive[key] for key in archive.files}
                elif kind == "cifar":
                    batches[name] = cifar.decode(content, name)
        except DAMAGES as error:
            raise DatasetError(f"{path} is damaged ({error}); fetch it again") from error
    if batches and arrays:
        raise DatasetError(f"{place} must hold one dataset, got {', '.join([*batches, *arrays])}")
    if batches:
        if dataset not in cifar.LABEL_KEYS:
            raise DatasetError(f"{place} must hold {dataset}, got CIFAR batches; type e.g. dataset=cifar10")
        return cifar.join(batches, dataset, str(place))
    return pair(arrays, str(place))


def _kind(head: bytes) -> str | None:
    kinds: dict[str, Callable[[bytes], bool]] = {
        "idx": idx.matches,
        "npz": lambda head: head[:4] == b"PK\x03\x04",
        "cifar": cifar.matches,
        "tar": lambda head: head[257:262] == b"ustar",
    }
    return next((kind for kind, matches in kinds.items() if matches(head)), None)


def _head(path: Path) -> bytes:
    """Return the first bytes, of the decompressed content where it is compressed."""
    try:
        with _opened(path) as file:
            return file.read(HEAD)
    except DAMAGES:
        return b""


def _opened(path: Path):
    with open(path, "rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if compressed else open(path, "rb")


def _contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of a file, or of each file of an archive."""
    with _opened(path) as file:
        if _kind(_head(path)) != "tar":
            yield path.name, file.read()
            return
        with tarfile.open(fileobj=file, mode="r|") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isfile() else None
                if content is not None:
                    yield member.name, content.read()
