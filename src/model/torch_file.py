"""Read PyTorch's files of weights without PyTorch, and without running what a pickle may hold.

Both formats: a zip file (since PyTorch 1.6), and the older one of pickles in a row, followed by the numbers. A pickle
may name any function of any module, to be called while it is read; here it may name tensors' own, and nothing else.
"""

from __future__ import annotations

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # of the older format
STORAGES = {
    "DoubleStorage": "<f8", "FloatStorage": "<f4", "HalfStorage": "<f2", "LongStorage": "<i8", "IntStorage": "<i4",
    "ShortStorage": "<i2", "CharStorage": "<i1", "ByteStorage": "<u1", "BoolStorage": "?",
}  # fmt: skip


class TorchFileError(ValueError):
    """A file that is no plain dictionary of tensors; the message says what it holds."""


class _Storage(NamedTuple):
    key: str
    dtype: str
    numbers: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read(path: Path) -> dict[str, np.ndarray]:
    """Return the tensors of a state dictionary by their names.

    Raises:
        TorchFileError: It is another file, a damaged one, or holds something else than tensors.
    """
    try:
        with path.open("rb") as file:
            return _from_zip(file) if zipfile.is_zipfile(file) else _from_pickles(file)
    except TorchFileError:
        raise
    except Exception as error:  # a pickle can be damaged in any way
        said = " ".join(str(error).split()) or type(error).__name__
        raise TorchFileError(f"no readable file of PyTorch's: {said}") from error


class _Unpickler(pickle.Unpickler):
    """Knows tensors, their storages and ordered dictionaries; refuses every other name."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch" and name in STORAGES:
            return STORAGES[name]  # no function: it can be named, and not called
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        raise TorchFileError(f"it holds {module}.{name}, and only plain tensors are read")

    def persistent_load(self, pid: Any) -> Any:
        kind, dtype, key, _, count, *_ = pid
        if kind != "storage" or dtype not in STORAGES.values() or not isinstance(count, int):
            raise TorchFileError("it refers to something else than a tensor's numbers")
        return _Storage(str(key), dtype, count)


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _load(file: BinaryIO) -> Any:
    return _Unpickler(file).load()


def _from_pickles(file: BinaryIO) -> dict[str, np.ndarray]:
    file.seek(0)
    if _load(file) != MAGIC or _load(file) != PROTOCOL:
        raise TorchFileError("no file of PyTorch's")
    if not _load(file).get("little_endian"):
        raise TorchFileError("its numbers are big-endian, which is not read")
    tensors = _tensors(_load(file))
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    numbers: dict[str, np.ndarray] = {}
    for key in _load(file):
        storage = storages.get(str(key))
        count = int.from_bytes(file.read(8), "little")
        if storage is None or count != storage.numbers:
            raise TorchFileError("its numbers are not those of its tensors")
        numbers[storage.key] = _numbers(file.read(count * np.dtype(storage.dtype).itemsize), storage)
    return {name: _view(tensor, numbers) for name, tensor in tensors.items()}


def _from_zip(file: BinaryIO) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(file) as archive:
        pickled = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(pickled) != 1:
            raise TorchFileError("a zip file, and none of PyTorch's")
        folder = pickled[0].removesuffix("data.pkl")
        if f"{folder}byteorder" in archive.namelist() and archive.read(f"{folder}byteorder") != b"little":
            raise TorchFileError("its numbers are big-endian, which is not read")
        tensors = _tensors(_load(io.BytesIO(archive.read(pickled[0]))))
        numbers: dict[str, np.ndarray] = {}
        for storage in {tensor.storage for tensor in tensors.values()}:
            numbers[storage.key] = _numbers(archive.read(f"{folder}data/{storage.key}"), storage)
    return {name: _view(tensor, numbers) for name, tensor in tensors.items()}


def _tensors(loaded: Any) -> dict[str, _Tensor]:
    if not isinstance(loaded, dict) or not loaded:
        raise TorchFileError(f"it holds a {type(loaded).__name__}, where a dictionary of tensors is read")
    for name, tensor in loaded.items():
        if not isinstance(name, str) or not isinstance(tensor, _Tensor) or not isinstance(tensor.storage, _Storage):
            raise TorchFileError(f"{name} in it is no tensor")
    return dict(loaded)


def _numbers(content: bytes, storage: _Storage) -> np.ndarray:
    numbers = np.frombuffer(content, storage.dtype)
    if len(numbers) != storage.numbers:
        raise TorchFileError(f"cut short: {len(numbers)} of {storage.numbers} numbers")
    return numbers


def _view(tensor: _Tensor, numbers: dict[str, np.ndarray]) -> np.ndarray:
    """Return a tensor's numbers, once it is sure that all lie within its storage."""
    storage = numbers[tensor.storage.key]
    offset, shape, strides = tensor.offset, tensor.shape, tensor.strides
    whole = all(isinstance(value, int) and value >= 0 for value in (offset, *shape, *strides))
    if not whole or len(shape) != len(strides) or math.prod(shape) > len(storage):
        raise TorchFileError("a tensor in it is larger than its numbers")
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True) if size)
    if last >= max(1, len(storage)):
        raise TorchFileError("a tensor in it reaches beyond its numbers")
    bytes_apart = tuple(stride * storage.itemsize for stride in strides)
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, bytes_apart, writeable=False)
