"""The `dataset` group: what can be asked of the images, and what is wrong with what was asked."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from hydra.core.config_store import ConfigStore

from src.config.own_function import OwnFunction

SCALINGS = ("minmax", "standardize", "none")
LABELS = ("sparse", "onehot")
FITS = ("stretch", "crop", "pad")
CHANNELS = ("auto", 1, 3)
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".7z", ".rar")
LOAD = "my_data.load"  # an example


@dataclass
class DatasetConfig:
    """Settings of every dataset.

    Attributes:
        name: one of `DATASETS`.
        path: a local copy (file or folder) instead of the usual places; required by one's own data.
        limit: take at most that many of the training images, stratified, before validation is split off.
        validation_fraction: the part of these images that becomes validation data.
        test_fraction: the part of all training images that is set aside to test with, before any limit or validation
            split, the same ones for every seed; None where the data has test images of its own, or for none.
        folds: split them into so many parts in its place, each of which validates in turn; None or 1 for one split.
        image_size: resize to this many pixels a side, or to [height, width]; None keeps the size.
        fit: what becomes of images of another shape: pulled to it (`stretch`), cut in the middle (`crop`), or put on
            black (`pad`).
        channels: 1 for grey images, 3 for colour, `auto` for what the images are.
        scaling: what the network's first layer does to the pixels, by statistics of the training part.
        labels: integers (`sparse`) or one-hot vectors (`onehot`).
    """

    name: str
    path: str | None = None
    limit: int | None = None
    validation_fraction: float = 0.2
    test_fraction: float | None = None
    folds: int | None = None
    image_size: Any = None
    fit: str = "stretch"
    channels: Any = "auto"
    scaling: str = "minmax"
    labels: str = "sparse"

    @property
    def splits(self) -> int:
        """How many splits into training and validation images there are."""
        return self.folds or 1


@dataclass
class TableConfig(DatasetConfig):
    """Settings of a table of files and labels.

    Attributes:
        file_column: the column of the files, or of their bytes; None for one of a usual name.
        label_column: the column of the labels, likewise.
        split_column: the column that says train, validation or test; None for one of a usual name, if there is any;
            `none` for none.
    """

    file_column: str | None = None
    label_column: str | None = None
    split_column: str | None = None


@dataclass
class CustomConfig(DatasetConfig):
    """Settings of a function of one's own.

    Attributes:
        load: its full name, `my_package.my_module.function`; or a mapping with `_target_` and its arguments.
    """

    load: Any = None


class Kind(NamedTuple):
    """A dataset: its schema, and what its `path` must be: `expected`, or none (None) if it takes none.

    `needs` says whether there must be a path; `fits` whether one is of the right kind; `instead` is what to type.
    `images` is how many there are to train and validate with, where that is always the same.
    """

    schema: type[DatasetConfig] = DatasetConfig
    expected: str | None = "an existing file or folder"
    instead: str = "{key}= and the place of your copy"
    needs: bool = False
    fits: Callable[[str], bool] = os.path.exists
    images: int | None = None


_FOLDER = "a folder with one sub-folder a class"
_ARRAYS = "an .npz, .h5 or .mat with x_train and y_train, or a folder of such .npy files"
_TABLE = "a .csv, .parquet, .jsonl or .txt with a column of files and one of labels, or a folder of such tables"
DATASETS = {
    "digits": Kind(expected=None, images=1_438),
    "mnist": Kind(images=60_000),
    "fashion_mnist": Kind(images=60_000),
    "cifar10": Kind(images=50_000),
    "cifar100": Kind(images=50_000),
    "image_folder": Kind(DatasetConfig, _FOLDER, "e.g. {key}=/data/flowers", True, os.path.isdir),
    "arrays": Kind(DatasetConfig, _ARRAYS, "e.g. {key}=/data/flowers.npz", True),
    "table": Kind(TableConfig, _TABLE, "e.g. {key}=/data/labels.csv", True),
    "custom": Kind(CustomConfig, None),
}


def register(store: ConfigStore) -> None:
    """Store a schema as `schemas/dataset/<name>`, for the defaults list of `conf/dataset/<name>.yaml`."""
    for name, kind in DATASETS.items():
        store.store(group="schemas/dataset", name=name, node=kind.schema(name=name))


def steps(epochs: int, folds: int | None) -> int:
    """Return after how many steps a trial is at its end: an epoch is one, or each fold as a whole."""
    return folds if folds is not None and folds > 1 else epochs


def check(config: DatasetConfig) -> list[str]:
    """Return every problem of the settings, a line each; reads no data."""
    problems = [
        *_check_choice("name", config.name, tuple(DATASETS)),
        *_check_choice("fit", config.fit, FITS),
        *_check_choice("channels", config.channels, CHANNELS),
        *_check_choice("scaling", config.scaling, SCALINGS),
        *_check_choice("labels", config.labels, LABELS),
        *(_check_path(DATASETS[config.name], config) if config.name in DATASETS else []),
        *(_check_load(config.load) if isinstance(config, CustomConfig) else []),
    ]
    if not _is_number(config.validation_fraction) or not 0 < config.validation_fraction < 1:
        problems.append(
            _problem("validation_fraction", "a number between 0 and 1", config.validation_fraction, "e.g. {key}=0.2")
        )
    problems += _check_test(config)
    if config.folds is not None and not _is_positive_int(config.folds):
        problems.append(_problem("folds", "a whole number from 2, or null for one split", config.folds, "e.g. {key}=5"))
    if config.limit is not None and not _is_positive_int(config.limit):
        problems.append(_problem("limit", "a whole number from 1, or null", config.limit, "e.g. {key}=8000"))
    if not _is_image_size(config.image_size):
        expected = "a whole number from 1, or [height,width], or null"
        problems.append(_problem("image_size", expected, config.image_size, "e.g. {key}=32"))
    if config.image_size is None and config.fit in FITS[1:]:
        expected = "stretch with dataset.image_size=null, which resizes nothing"
        problems.append(_problem("fit", expected, config.fit, "e.g. dataset.image_size=64"))
    return problems


def _check_choice(key: str, value: object, choices: Sequence[object]) -> list[str]:
    if value in choices and not isinstance(value, bool):
        return []
    listed = ", ".join(map(str, choices))
    return [_problem(key, f"one of {listed}", value, f"e.g. {{key}}={choices[0]}")]


def _check_path(kind: Kind, config: DatasetConfig) -> list[str]:
    if kind.expected is None:
        return [] if config.path is None else [_problem("path", f"null for {config.name}", config.path, "{key}=null")]
    if config.path is None:
        return [_problem("path", kind.expected, None, kind.instead)] if kind.needs else []
    full = os.path.expanduser(config.path)
    if not os.path.exists(full):
        return [_problem("path", "an existing file or folder", config.path, "{key}= and the place of your copy")]
    if full.lower().endswith(ARCHIVES) and kind in (DATASETS["image_folder"], DATASETS["table"]):
        return [_problem("path", kind.expected, config.path, "{key}= and the folder that it unpacks to")]
    return [] if kind.fits(full) else [_problem("path", kind.expected, config.path, kind.instead)]


def _check_load(load: Any) -> list[str]:
    """Look for the function, from the folder where the command is typed as well, without importing its module."""
    own = OwnFunction.of(load)
    if own is None:
        expected = "a function by its full name, or a mapping with it as _target_ and its arguments"
        return [_problem("load", expected, load, f"e.g. {{key}}={LOAD}")]
    return own.check("dataset.load", (), LOAD, wanted="arrays")


def _check_test(config: DatasetConfig) -> list[str]:
    fraction, kind = config.test_fraction, DATASETS.get(config.name)
    if fraction is None:
        return []
    if not _is_number(fraction) or not 0 < fraction < 1:
        return [_problem("test_fraction", "a number between 0 and 1, or null", fraction, "e.g. {key}=0.2")]
    if kind is not None and kind.images is not None and config.path is None:
        return [_problem("test_fraction", f"null for {config.name}, which has test images", fraction, "{key}=null")]
    return []


def _problem(key: str, expected: str, got: object, instead: str) -> str:
    key = f"dataset.{key}"
    shown = "null" if got is None else got
    return f"`{key}` must be {expected}, got {shown}; type {instead.format(key=key)}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_positive_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_image_size(value: object) -> bool:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return len(value) == 2 and all(_is_positive_int(side) for side in value)
    return value is None or _is_positive_int(value)
