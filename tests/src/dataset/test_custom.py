"""A function of one's own: what it may return, and every mistake in one line."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.config.dataset import CustomConfig, check
from src.dataset import Dataset, DatasetError, load, prepare

HEAD = """
import numpy as np
x, y = np.arange(40 * 30).reshape(40, 6, 5).astype(np.uint8), np.arange(40) % 4
"""
# As keras.utils.PyDataset and PyTorch's datasets are: iterated, it has no end.
PIECES = """
class Pieces:
    class_names = list("abcd")
    def __len__(self): return 5
    def __getitem__(self, i): return x[i % 5 :: 5], y[i % 5 :: 5]
"""
count = iter(range(100))


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Write a module in the folder where the command is typed; return how to load by it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    names = []

    def write(body: str) -> CustomConfig:
        names.append(f"own_data_{next(count)}")
        (tmp_path / f"{names[-1]}.py").write_text(HEAD + body)
        return CustomConfig("custom", load=f"{names[-1]}.load")

    yield write
    for name in names:
        sys.modules.pop(name, None)


def open_custom(config: CustomConfig, tmp_path: Path) -> Dataset:
    assert check(config) == []
    return load(config, 0, tmp_path / "cache")


@pytest.mark.parametrize(
    ("body", "sizes"),
    [
        ("def load(): return (x, y), (x[:8], y[:8])", [32, 8, 8]),
        ("def load(): return (x, y), (x[:9], y[:9]), (x[:8], y[:8])", [40, 9, 8]),
        ("def load(): return x, y", [32, 8, 0]),
        ("def load(): return {'x_train': x, 'y_train': y, 'class_names': list('abcd')}", [32, 8, 0]),
        ("def load(): return {'train': (x, y), 'test': (x[:8], y[:8])}", [32, 8, 8]),
        ("def load(): return zip(x, y)", [32, 8, 0]),
        ("def load(): return ((x[i : i + 9], y[i : i + 9]) for i in range(0, 40, 9))", [32, 8, 0]),
        ("def load(): return {'train': iter(zip(x, y)), 'val': ((x[..., None], y) for _ in range(1))}", [40, 40, 0]),
        (f"{PIECES}def load(): return Pieces()", [32, 8, 0]),
        (f"{PIECES}def load(): return Pieces(), Pieces()", [32, 8, 40]),
        ("def load(): return {'x': x / 255, 'y': list(y), 'x_test': None}", [32, 8, 0]),
    ],
)
def test_what_it_may_return(tmp_path: Path, module: Any, body: str, sizes: list[int]) -> None:
    data = open_custom(module(body), tmp_path)
    test = 0 if data.test is None else len(data.test.labels)
    assert [len(data.train.labels), len(data.validation.labels), test] == sizes
    assert not data.train.images.flags.writeable


def test_other_arrays_are_other_data(tmp_path: Path, module: Any) -> None:
    config = module("change = 0\ndef load(): return x + np.uint8(change), y")
    first = open_custom(config, tmp_path).train.images
    assert config.load is not None
    sys.modules[config.load.partition(".")[0]].change = 1  # pyright: ignore[reportAttributeAccessIssue]
    again = load(config, 1, tmp_path / "cache").train.images
    assert set(np.unique(first[..., 0])) == set(np.unique(again[..., 0]))
    assert not np.array_equal(np.sort(first[:, 0, 0, 0]), np.sort(again[:, 0, 0, 0]))


def test_what_shuffles_gives_each_worker_the_same_split(tmp_path: Path, module: Any) -> None:
    body = "from random import sample\ndef load(): return ((x[i], y[i]) for i in sample(range(40), 40))"
    one, other = (open_custom(module(body), tmp_path) for _ in range(2))
    assert one.digests == other.digests


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "import nowhere_at_all\ndef load(): return x, y",
            "own_data_.* cannot be imported: ModuleNotFoundError: No module named 'nowhere_at_all'",
        ),
        ("load = 3", "own_data_.* has no function load"),
        ("def load(): return 1 / 0", r"own_data_.*\.load\(\) failed: ZeroDivisionError: division by zero"),
        ("load = lambda: None", "must return a dictionary of arrays .*, got NoneType"),
        ("def load(): return x", "must return a dictionary of arrays .*, got ndarray"),
        ("def load(): return iter(x)", "must yield pairs of images and labels, got ndarray from "),
        ("def load(): return ((x[0, : 2 + i % 3], 0) for i in range(9))", "images of one size, got .2, 5., .3, 5.,"),
        ("def load(): return (1 / 0 for _ in 'ab')", "failed: ZeroDivisionError: division by zero"),
        (f"{PIECES}    cardinality = lambda _: -1\ndef load(): return Pieces()", "got Pieces without end; take out"),
        ("def load(): return {'a': x}", "must hold arrays named x_train"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, module: Any, body: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        open_custom(module(body), tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [None, "load", "no_such_package.load", "a b.load", "x.", {"n": 3}, {"_target_": "x"}])
def test_a_module_that_is_not_there_is_said_before_anything_starts(name: Any) -> None:
    (problem,) = check(CustomConfig("custom", load=name))
    assert problem.startswith("`dataset.load` must be ")
    assert "type e.g. dataset.load=my_data.load" in problem


def test_it_is_given_arguments(tmp_path: Path, module: Any) -> None:
    path = module("def load(n, *, names='abcd'): return {'x': x[:n], 'y': y[:n], 'class_names': list(names)}").load
    data = open_custom(CustomConfig("custom", load={"_target_": path, "n": 20, "names": "wxyz"}), tmp_path)
    assert (len(data.train.labels) + len(data.validation.labels), data.class_names) == (20, tuple("wxyz"))
    fewer = open_custom(CustomConfig("custom", load={"_target_": path, "n": 12}), tmp_path)
    assert (len(fewer.train.labels) + len(fewer.validation.labels), fewer.class_names) == (12, tuple("abcd"))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({}, "`dataset.load` must give .* its n: there is no default; type e.g. 'dataset.load={_target_: .*, n: 1}'"),
        ({"n": 3, "sise": 4}, "`dataset.load.sise` must be an argument of .*, which has n, size; did you mean .*.size"),
    ],
)
def test_arguments_are_checked_before_anything_starts(module: Any, arguments: dict[str, Any], problem: str) -> None:
    path = module("def load(n, size=8): return x[:n], y[:n]").load
    (told,) = check(CustomConfig("custom", load={"_target_": path, **arguments}))
    assert re.match(problem, told)


@pytest.mark.parametrize("body", ["def loads(): return x, y", "def load(): print(x)"])
def test_what_a_look_at_its_file_tells_is_said_before_anything_starts(module: Any, body: str) -> None:
    (told,) = check(module(body))
    assert re.search(
        "has no load, it has .*loads; type e.g. .*loads|that returns arrays, .* which returns nothing", told
    )


def test_the_driver_prepares_in_a_process_of_its_own(
    tmp_path: Path, module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    config = module("def load():\n    print('said')\n    return {'x': x / 255, 'y': y}")
    notes, digests = prepare(config, 0)
    assert notes[1:] == ("values of float64 from 0 to 1 become 0 to 255",)
    assert set(digests) == {"train", "validation"}
    assert config.load is not None
    assert config.load.partition(".")[0] not in sys.modules
    bad = module("def load(): raise SystemExit('out of data')")
    with pytest.raises(DatasetError, match="the process that loads the data ended with status 1: out of data"):
        prepare(bad, 0)


@pytest.mark.slow
def test_what_keras_itself_makes_of_images_and_labels(tmp_path: Path, module: Any) -> None:
    body = """
import keras, tensorflow as tf
pieces = tf.data.Dataset.from_tensor_slices((np.stack([x] * 3, -1), y))
class Own(keras.utils.PyDataset):
    def __len__(self): return 4
    def __getitem__(self, i): return x[i::4], np.eye(4)[y[i::4]]
"""
    for given, sizes in (("pieces.batch(9), pieces.take(8)", [32, 8, 8]), ("Own()", [32, 8, 0])):
        data = open_custom(module(f"{body}def load(): return {given}"), tmp_path)
        test = 0 if data.test is None else len(data.test.labels)
        assert [len(data.train.labels), len(data.validation.labels), test] == sizes
