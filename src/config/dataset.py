"""The `dataset` group: what can be asked of the images, and what is wrong with what was asked."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore

DATASETS = ("digits", "mnist", "fashion_mnist", "cifar10", "cifar100", "image_folder")
SCALINGS = ("minmax", "standardize", "none")
LABELS = ("sparse", "onehot")


@dataclass
class DatasetConfig:
    """Settings of every dataset.

    Attributes:
        name: one of `DATASETS`.
        path: a local copy (file or folder) instead of the usual places; required by `image_folder`.
        limit: take at most that many of the training images, stratified, before validation is split off.
        validation_fraction: the part of these images that becomes validation data.
        image_size: resize to this many pixels a side, or to [height, width]; None keeps the size.
        scaling: what the network's first layer does to the pixels, by statistics of the training part.
        labels: integers (`sparse`) or one-hot vectors (`onehot`).
    """

    name: str
    path: str | None = None
    limit: int | None = None
    validation_fraction: float = 0.2
    image_size: Any = None
    scaling: str = "minmax"
    labels: str = "sparse"


def register(store: ConfigStore) -> None:
    """Store a schema as `schemas/dataset/<name>`, for the defaults list of `conf/dataset/<name>.yaml`."""
    for name in DATASETS:
        store.store(group="schemas/dataset", name=name, node=DatasetConfig(name=name))


def check(config: DatasetConfig) -> list[str]:
    """Return every problem of the settings, a line each; reads no data."""
    problems = [
        *_check_choice("name", config.name, DATASETS),
        *_check_choice("scaling", config.scaling, SCALINGS),
        *_check_choice("labels", config.labels, LABELS),
        *_check_path(config.name, config.path),
    ]
    if not _is_number(config.validation_fraction) or not 0 < config.validation_fraction < 1:
        problems.append(
            _problem("validation_fraction", "a number between 0 and 1", config.validation_fraction, "e.g. {key}=0.2")
        )
    if config.limit is not None and not _is_positive_int(config.limit):
        problems.append(_problem("limit", "a whole number from 1, or null", config.limit, "e.g. {key}=8000"))
    if not _is_image_size(config.image_size):
        expected = "a whole number from 1, or [height,width], or null"
        problems.append(_problem("image_size", expected, config.image_size, "e.g. {key}=32"))
    return problems


def _check_choice(key: str, value: object, choices: Sequence[str]) -> list[str]:
    if value in choices:
        return []
    return [_problem(key, f"one of {', '.join(choices)}", value, f"e.g. {{key}}={choices[0]}")]


def _check_path(name: str, path: str | None) -> list[str]:
    if path is None:
        if name == "image_folder":
            expected = "a folder with one sub-folder a class"
            return [_problem("path", expected, path, "e.g. {key}=/data/flowers")]
        return []
    if name == "digits":
        return [_problem("path", "null for digits, which ship with scikit-learn", path, "{key}=null")]
    full = os.path.expanduser(path)
    if not os.path.exists(full):
        return [_problem("path", "an existing file or folder", path, "{key}= and the place of your copy")]
    if name == "image_folder" and not os.path.isdir(full):
        return [_problem("path", "a folder with one sub-folder a class", path, "e.g. {key}=/data/flowers")]
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
