"""The datasets that Keras offers, from the first place that has them."""

import os
from pathlib import Path
from typing import NamedTuple

from src.config.dataset import DatasetConfig
from src.dataset import cache, local
from src.dataset.class_names import CIFAR10, CIFAR100, FASHION, MNIST
from src.dataset.dataset import DatasetError
from src.dataset.source import Source, from_arrays

IDX_FILES = tuple(
    f"{part}-{content}-ubyte.gz" for part in ("train", "t10k") for content in ("images-idx3", "labels-idx1")
)


class Published(NamedTuple):
    """Where a dataset may lie: in Keras's cache and, for some, where the system's package puts it."""

    class_names: tuple[str, ...]
    keras: str
    files: tuple[str, ...]
    system: Path | None = None


PUBLISHED = {
    "mnist": Published(MNIST, "mnist.npz", ()),
    "fashion_mnist": Published(FASHION, "fashion-mnist", IDX_FILES, Path("/usr/share/datasets/fashion-mnist")),
    "cifar10": Published(
        CIFAR10,
        "cifar-10-batches-py-target/cifar-10-batches-py",
        (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"),
    ),
    "cifar100": Published(CIFAR100, "cifar-100-python-target/cifar-100-python", ("train", "test")),
}


def find(config: DatasetConfig, folder: Path) -> Source:
    """Find a published dataset, and download it if it is nowhere.

    Args:
        config: `name`, one of `PUBLISHED`; and `path`: when given, no other place is looked at.
        folder: the cache, whose lock keeps several processes from downloading at once.

    Raises:
        DatasetError: it is nowhere and cannot be downloaded, or what is there is no dataset.
    """
    name = config.name
    if config.path is None:
        with cache.lock(folder):
            place, files = _locate(name) or _download(name)
    else:
        place = Path(config.path).expanduser()
        files = local.recognized(place)
    key = [name, sorted(local.fingerprint(file) for file in files)]
    return from_arrays(key, PUBLISHED[name].class_names, lambda: local.read(files, name, place))


def is_nowhere(config: DatasetConfig) -> bool:
    """Whether a dataset has to be downloaded."""
    return config.path is None and _locate(config.name) is None


def keras_folder() -> Path:
    """Return where Keras keeps what it downloads."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "datasets"


def _locate(name: str) -> tuple[Path, list[Path]] | None:
    published = PUBLISHED[name]
    for place in (keras_folder() / published.keras, published.system):
        if place is not None:
            files = [place / file for file in published.files] or [place]
            if all(file.is_file() for file in files):
                return place, files
    return None


def _download(name: str) -> tuple[Path, list[Path]]:
    import keras  # with its backend: many seconds, for which nothing else in this package waits

    try:
        getattr(keras.datasets, name).load_data()
    except Exception as error:  # Keras raises a bare Exception when it cannot fetch
        raise DatasetError(_nowhere(name, error)) from error
    found = _locate(name)
    if found is None:
        raise DatasetError(_nowhere(name, "it left nothing where this program looks"))
    return found


def _nowhere(name: str, reason: object) -> str:
    published = PUBLISHED[name]
    places = [
        f"dataset.path: not given; type dataset.path= and the file or folder of your copy ({local.FORMATS})",
        f"Keras's cache: nothing at {keras_folder() / published.keras}; put a copy there",
    ]
    if published.system is not None:
        places.append(f"Debian's: nothing in {published.system}; install dataset-fashion-mnist")
    places.append(f"Keras's download: failed ({reason}); connect to the network and run again")
    listed = "\n".join(f"  {number}. {place}" for number, place in enumerate(places, 1))
    return f"{name} is nowhere to be had. Any one of these will do:\n{listed}"
