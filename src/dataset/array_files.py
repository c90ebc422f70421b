"""Files of arrays: NumPy's, HDF5, and MATLAB's."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

MANY = (".npz", ".h5", ".hdf5", ".mat")  # several arrays in a file
ONE = (".npy",)


def read_arrays(file: Path) -> dict[str, np.ndarray]:
    """Return the arrays in a file by name, that of an `.npy` by the file's.

    MATLAB's have their images along the last axis, where that is as long as the labels, along the first one instead.

    Raises:
        Exception: It is damaged, or holds something else; of many kinds.
    """
    return READERS.get(file.suffix.lower(), _of_numpy)(file)


def _of_numpy(file: Path) -> dict[str, np.ndarray]:
    opened: Any = np.load(file, mmap_mode="r", allow_pickle=False)
    if isinstance(opened, np.ndarray):
        return {file.stem: opened}
    with opened:
        return dict(opened)


def _of_hdf5(file: Path) -> dict[str, np.ndarray]:
    import h5py  # Keras brings it

    found: dict[str, np.ndarray] = {}

    def take(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.shape:
            text = h5py.check_string_dtype(item.dtype) is not None
            found[name.replace("/", "_")] = np.array(item.asstr()[:], str) if text else item[()]

    with h5py.File(file) as opened:
        opened.visititems(take)
    return found


def _of_matlab(file: Path) -> dict[str, np.ndarray]:
    from scipy import io  # scikit-learn brings it

    try:
        found = {name: array for name, array in io.loadmat(file).items() if isinstance(array, np.ndarray)}
    except NotImplementedError:  # version 7.3, which is HDF5 with the axes in the other order
        found = {name: array.T for name, array in _of_hdf5(file).items() if not name.startswith("#")}
    found = {
        name: array.reshape(-1) if array.ndim == 2 and 1 in array.shape else array for name, array in found.items()
    }
    counts = {len(array) for array in found.values() if array.ndim == 1}
    return {
        name: np.moveaxis(array, -1, 0)
        if array.ndim > 2 and array.shape[0] not in counts and array.shape[-1] in counts
        else array
        for name, array in found.items()
    }


READERS: dict[str, Callable[[Path], dict[str, np.ndarray]]] = {
    ".h5": _of_hdf5, ".hdf5": _of_hdf5, ".mat": _of_matlab,
}  # fmt: skip
