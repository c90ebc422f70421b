"""Your own arrays: an `.npz`, HDF5 or MATLAB's, or a folder of `.npy` files, or of such files of a part each."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from src.config.dataset import DatasetConfig
from src.dataset import named_arrays
from src.dataset.array_files import MANY, ONE, read_arrays
from src.dataset.dataset import DatasetError
from src.dataset.layout import part_of
from src.dataset.named_arrays import CLASS_NAMES
from src.dataset.source import Source
from src.dataset.walk import shown


def find(config: DatasetConfig, folder: Path) -> Source:
    """Find the files; they are read when the source is built.

    Args:
        config: `path`, an `.npz`, `.h5` or `.mat`, or a folder of `.npy` files, of one of those, or of one a part.
        folder: the cache.

    Raises:
        DatasetError: There are none; when built: they cannot be read, or hold something else.
    """
    assert config.path is not None  # `check` has refused it
    place = Path(config.path).expanduser().resolve()
    files = [place] if place.is_file() else _in_folder(place)
    states = [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files]

    def build(into: Path) -> dict[str, Any]:
        return named_arrays.write(into, named_arrays.sort_out(_read(files), shown(place)))

    return Source(["arrays", str(place), states], build)


def _in_folder(place: Path) -> list[Path]:
    files = sorted(file for file in place.iterdir() if file.suffix.lower() in (*ONE, *MANY) and file.is_file())
    bundles = [file for file in files if file.suffix.lower() in MANY]
    if not files or (bundles and len(files) > 1 and not all(map(_part, files))):
        got = ", ".join(shown(file.name) for file in files[:5]) or "none of these"
        raise DatasetError(
            f"`dataset.path` must be an .npz, .h5 or .mat, or a folder of .npy files, or of such whose names say their "
            f"part, got {got} in {shown(place)}; type dataset.path= and the file"
        )
    return files


def _part(file: Path) -> str | None:
    """Return the part that a word of a file's name says."""
    return next((part for word in re.findall("[a-z]+", file.stem.lower()) if (part := part_of(word))), None)


def _read(files: list[Path]) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for file in files:
        try:
            found = read_arrays(file)
        except Exception as error:  # damaged files raise nearly anything
            if "Python objects" in str(error) or "Object arrays" in str(error):
                raise DatasetError(
                    f"{shown(file)} holds Python objects, which are not loaded since they can run code; save texts as "
                    "np.array(labels, dtype=str), and images as one array of one size"
                ) from error
            raise DatasetError(
                f"{shown(file)} is not a readable array; save it again with np.savez, or read it in a "
                "function of your own, dataset=custom"
            ) from error
        part = _part(file) if len(files) > 1 and file.suffix.lower() in MANY else None
        for name, array in found.items():
            says = any(part_of(word) for word in re.findall("[a-z]+", name.lower()))
            arrays[f"{name}_{part}" if part and not says and name.lower() not in CLASS_NAMES else name] = array
    return arrays
