"""Files of PyTorch's: both formats are read without it, and nothing else is, nor run."""

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.model import torch_file
from src.model.torch_file import TorchFileError

VALUES = np.arange(24, dtype="float32").reshape(2, 3, 4)
STATE: dict[str, Any] = {"a.weight": VALUES, "a.turned": VALUES.transpose(2, 0, 1), "a.count": np.array(7)}


class Named:
    """What a pickle is to name as a global of some module."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class Stored:
    """A reference to the numbers of a tensor."""

    def __init__(self, key: str, dtype: str, count: int) -> None:
        self.pid = ("storage", Named("torch", dtype), key, "cpu", count)


class Rebuilt:
    """A tensor, as PyTorch pickles it: a call of a function of its own."""

    def __init__(self, *arguments: Any, call: tuple[str, str] = ("torch._utils", "_rebuild_tensor_v2")) -> None:
        self.call, self.arguments = Named(*call), arguments


PICKLER: Any = pickle._Pickler  # pyright: ignore[reportAttributeAccessIssue] - the one in Python, which can be added to


class Pickler(PICKLER):
    def __init__(self, file: io.BytesIO, older: bool) -> None:
        super().__init__(file, protocol=2)
        self._older = older

    def persistent_id(self, obj: Any) -> Any:
        return (*obj.pid, None) if isinstance(obj, Stored) and self._older else getattr(obj, "pid", None)

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        if isinstance(obj, Named):
            self.write(f"c{obj.module}\n{obj.name}\n".encode())
        elif isinstance(obj, Rebuilt):
            self.save(obj.call)
            self.save(obj.arguments)
            self.write(b"R")
        else:
            super().save(obj, save_persistent_id)


def pickled(value: Any, older: bool = False) -> bytes:
    file = io.BytesIO()
    Pickler(file, older).dump(value)
    return file.getvalue()


def tensor(array: np.ndarray, key: str) -> tuple[Rebuilt, np.ndarray]:
    """Return a tensor that views its numbers as `array` does, and them in their order."""
    base = array if array.base is None else array.base
    dtype = {"f": "FloatStorage", "i": "LongStorage"}[array.dtype.kind]
    strides = tuple(stride // array.itemsize for stride in array.strides)
    stored = Stored(key, dtype, base.size)
    return Rebuilt(stored, 0, array.shape, strides, False, OrderedDict()), np.ravel(base)


def write_zip(path: Path, state: Any = STATE, record: bytes | None = None) -> None:
    tensors = {name: tensor(array, str(i)) for i, (name, array) in enumerate(state.items())}
    with zipfile.ZipFile(path, "w") as archive:
        content = pickled(OrderedDict((name, rebuilt) for name, (rebuilt, _) in tensors.items()))
        archive.writestr("archive/data.pkl", content if record is None else record)
        for i, (_, numbers) in enumerate(tensors.values()):
            archive.writestr(f"archive/data/{i}", numbers.tobytes())


def write_pickles(path: Path, state: Any = STATE, record: bytes | None = None) -> None:
    tensors = {name: tensor(array, str(i)) for i, (name, array) in enumerate(state.items())}
    content = pickled(OrderedDict((name, rebuilt) for name, (rebuilt, _) in tensors.items()), older=True)
    head = [torch_file.MAGIC, torch_file.PROTOCOL, {"protocol_version": 1001, "little_endian": True}]
    parts = [*map(pickled, head), content if record is None else record, pickled([str(i) for i in range(len(tensors))])]
    numbers = [struct.pack("<q", array.size) + array.tobytes() for _, array in tensors.values()]
    path.write_bytes(b"".join([*parts, *numbers]))


WRITERS = pytest.mark.parametrize("write", [write_zip, write_pickles])


@WRITERS
def test_tensors_come_as_they_were_written(tmp_path: Path, write: Callable[..., None]) -> None:
    write(tmp_path / "weights.pth")
    found = torch_file.read(tmp_path / "weights.pth")
    assert found.keys() == STATE.keys()
    for name, array in STATE.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


HARMFUL = {
    "a function": Rebuilt("touch ran", call=("os", "system")),
    "builtins": Rebuilt("open('ran', 'w')", call=("builtins", "eval")),
    "a part of an allowed module": Rebuilt("torch", call=("torch.serialization", "load")),
    "another function of collections": Rebuilt("Point", ("x",), call=("collections", "namedtuple")),
    "a storage that is called": Rebuilt(4, call=("torch", "FloatStorage")),
    "a module": {"a": Rebuilt({}, call=("torch.nn.modules.linear", "Linear"))},
    "no dictionary": [1, 2],
    "a dictionary of numbers": {"epoch": 3},
    "beyond its numbers": {"a": Rebuilt(Stored("0", "FloatStorage", 24), 20, (5,), (1,), False, OrderedDict())},
    "below its numbers": {"a": Rebuilt(Stored("0", "FloatStorage", 24), 0, (5,), (-1,), False, OrderedDict())},
    "more than its numbers": {"a": Rebuilt(Stored("0", "FloatStorage", 24), 0, (9, 9), (0, 0), False, OrderedDict())},
    "other numbers": {"a": Rebuilt(Stored("0", "FloatStorage", 23), 0, (5,), (1,), False, OrderedDict())},
}


@WRITERS
@pytest.mark.parametrize("what", HARMFUL)
def test_everything_else_is_refused_and_not_run(
    tmp_path: Path, write: Callable[..., None], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    record = pickled(HARMFUL[what], older=write is write_pickles)
    write(tmp_path / "weights.pth", {"a": VALUES}, record)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(TorchFileError):
        torch_file.read(tmp_path / "weights.pth")
    assert sorted(tmp_path.iterdir()) == before


@WRITERS
@pytest.mark.parametrize("left", [0, 10, 200, -8])
def test_a_file_that_is_cut_is_refused(tmp_path: Path, write: Callable[..., None], left: int) -> None:
    path = tmp_path / "weights.pth"
    write(path, {"a": VALUES})
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(TorchFileError):
        torch_file.read(path)
