"""Your own function: whatever it returns, as arrays."""

import hashlib
from pathlib import Path

import numpy as np

from src.config.dataset import CustomConfig, DatasetConfig
from src.config.own_function import OwnFunction
from src.config.source import NotThere
from src.dataset import named_arrays
from src.dataset.dataset import DatasetError
from src.dataset.named_arrays import Arrays
from src.dataset.source import Source


def find(config: DatasetConfig, folder: Path) -> Source:
    """Call the function; what it returns identifies the data, so that nothing old is ever taken for it.

    Args:
        config: `load`, the function's full name, or with its arguments; it is looked for from the folder where the
            command is typed as well.
        folder: the cache.

    Raises:
        DatasetError: It is not there, fails, or returns something else.
    """
    assert isinstance(config, CustomConfig) and config.load is not None  # `check` has refused it
    own = OwnFunction.of(config.load)
    assert own is not None
    try:
        function = own.load()
    except NotThere as error:
        raise DatasetError(f"`dataset.load`: {error}") from error
    except Exception as error:
        module = own.path.rpartition(".")[0]
        raise DatasetError(f"`dataset.load`: {module} cannot be imported: {_brief(error)}") from error
    try:
        returned = named_arrays.as_arrays(function(**own.arguments), own.path)
    except DatasetError:
        raise
    except Exception as error:
        given = ", ".join(f"{name}={value}" for name, value in own.arguments.items())
        raise DatasetError(f"`dataset.load`: {own.path}({given}) failed: {_brief(error)}") from error
    arrays = named_arrays.sort_out(returned, f"what {own.path} returns")
    return Source(["custom", own.path, _digest(arrays)], lambda place: named_arrays.write(place, arrays))


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
