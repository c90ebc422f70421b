"""Small datasets as files, in the layouts in which the real ones are published."""

import gzip
import io
import struct
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from src.config.dataset import DATASETS
from src.dataset import Dataset, load


def open_dataset(cache: Path, name: str, seed: int = 0, **settings: Any) -> Dataset:
    """Load a dataset with a cache of the test's own."""
    return load(DATASETS[name].schema(name=name, **settings), seed, cache)


def labelled(count: int, shape: tuple[int, ...], classes: int = 10, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return random images uint8 [count, *shape] and labels uint8 that go round the classes."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, *shape), np.uint8), (np.arange(count) % classes).astype(np.uint8)


def idx(array: np.ndarray) -> bytes:
    """Lay unsigned bytes out as IDX: type, dimensions, values."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_idx(folder: Path, train: int = 60, test: int = 20, compress: bool = True) -> None:
    """Write MNIST's four files."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, count, seed in (("train", train, 0), ("t10k", test, 1)):
        images, labels = labelled(count, (28, 28), seed=seed)
        for name, array in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
            content = idx(array)
            path = folder / (name + ".gz" if compress else name)
            path.write_bytes(gzip.compress(content) if compress else content)


def python2_pickle(value: Any) -> bytes:
    """Pickle as Python 2 did for CIFAR's batches: protocol 2, byte strings, numpy's old module names."""
    return b"\x80\x02" + _python2(value) + b"."


def _python2(value: Any) -> bytes:
    if isinstance(value, bytes):
        return b"U" + bytes([len(value)]) + value if len(value) < 256 else b"T" + struct.pack("<i", len(value)) + value
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    if isinstance(value, list):
        return b"](" + b"".join(map(_python2, value)) + b"e"
    if isinstance(value, dict):
        return b"}(" + b"".join(_python2(part) for item in value.items() for part in item) + b"u"
    assert isinstance(value, np.ndarray)
    empty = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n" + _python2(0) + b"\x85" + _python2(b"b") + b"tR"
    kind = b"cnumpy\ndtype\n(" + _python2(b"u1") + _python2(0) + _python2(1) + b"tR"
    kind += b"(" + _python2(3) + _python2(b"|") + b"NNN" + _python2(-1) + _python2(-1) + _python2(0) + b"tb"
    shape = b"(" + b"".join(map(_python2, value.shape)) + b"t"
    return empty + b"(" + _python2(1) + shape + kind + b"\x89" + _python2(value.tobytes()) + b"tb"


def cifar10_batches(count: int = 20) -> dict[str, bytes]:
    """Return the files of `cifar-10-batches-py`, with `count` images each."""
    files = {}
    titles = [(f"data_batch_{n}", f"training batch {n} of 5") for n in range(1, 6)]
    for seed, (name, title) in enumerate([*titles, ("test_batch", "testing batch 1 of 1")]):
        images, labels = labelled(count, (3072,), seed=seed)
        names = [b"image_%d.png" % number for number in range(count)]
        batch = {b"batch_label": title.encode(), b"labels": labels.tolist(), b"data": images, b"filenames": names}
        files[name] = python2_pickle(batch)
    files["batches.meta"] = python2_pickle({b"num_cases_per_batch": count, b"label_names": [b"airplane"]})
    files["readme.html"] = b"<meta HTTP-EQUIV='REFRESH' content='0'>"
    return files


def cifar100_batches(train: int = 200, test: int = 100) -> dict[str, bytes]:
    """Return the files of `cifar-100-python`."""
    files = {}
    for part, title, count in (("train", b"training batch 1 of 1", train), ("test", b"testing batch 1 of 1", test)):
        images, fine = labelled(count, (3072,), classes=100)
        batch = {b"batch_label": title, b"fine_labels": fine.tolist(), b"coarse_labels": (fine // 5).tolist()}
        files[part] = python2_pickle(batch | {b"data": images})
    return files


def write_tar(path: Path, files: dict[str, bytes], folder: str, compress: bool = True) -> None:
    """Put files into an archive, as `folder/name`."""
    with tarfile.open(path, "w:gz" if compress else "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def write_images(folder: Path, count: int, colour: tuple[int, int, int] = (200, 30, 30), size: int = 12) -> None:
    """Write PNG images of one colour with some noise."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(count)
    for number in range(count):
        pixels = np.clip(np.array(colour) + rng.integers(-20, 20, (size, size, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03}.png")
