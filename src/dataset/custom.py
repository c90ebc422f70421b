"""Your own function: whatever it returns, as arrays."""

import hashlib
import importlib
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from src.config.dataset import CustomConfig, DatasetConfig
from src.dataset import named_arrays
from src.dataset.dataset import DatasetError
from src.dataset.named_arrays import Arrays
from src.dataset.source import Source


def find(config: DatasetConfig, folder: Path) -> Source:
    """Call the function; what it returns identifies the data, so that nothing old is ever taken for it.

    Args:
        config: `load`, the function's full name; it is looked for from the folder where the command is typed as well.
        folder: the cache.

    Raises:
        DatasetError: It is not there, fails, or returns something else.
    """
    assert isinstance(config, CustomConfig) and config.load is not None  # `check` has refused it
    function = _function(config.load)
    try:
        returned = named_arrays.as_arrays(function(), config.load)
    except DatasetError:
        raise
    except Exception as error:
        raise DatasetError(f"`dataset.load`: {config.load} failed: {_brief(error)}") from error
    arrays = named_arrays.sort_out(returned, f"what {config.load} returns")
    return Source(["custom", config.load, _digest(arrays)], lambda place: named_arrays.write(place, arrays))


def _function(name: str) -> Any:
    module_name, _, attribute = name.rpartition(".")
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise DatasetError(f"`dataset.load`: {module_name} cannot be imported: {_brief(error)}") from error
    function = getattr(module, attribute, None)
    if not callable(function):
        known = [name for name, value in vars(module).items() if callable(value) and name[0] != "_"]
        raise DatasetError(
            f"`dataset.load` must be a function in {module_name}, got {attribute}; "
            f"there are {', '.join(known) or 'none'}"
        )
    return function


def _brief(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _digest(arrays: Arrays) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name, array in sorted({**_named("x", arrays.images), **_named("y", arrays.labels)}.items()):
        digest.update(f"{name} {array.dtype} {array.shape} ".encode())
        numeric = array.dtype.kind in "biuf"
        digest.update(np.ascontiguousarray(array).data if numeric else repr(array.tolist()).encode())
    digest.update(repr(arrays.class_names).encode())
    return digest.hexdigest()


def _named(prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {f"{prefix}_{part}": array for part, array in arrays.items()}
