"""From settings to a dataset: find it, decode it once a machine, split it once a seed."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from src.config.dataset import DatasetConfig, check
from src.dataset import digits, image_folder, published, resize, scaling
from src.dataset.cache import Entry, default_folder, entry, save
from src.dataset.dataset import Dataset, DatasetError, Split
from src.dataset.source import PARTS, Source
from src.dataset.split import split, take

_loaded: dict[str, Dataset] = {}  # what this process has opened: a worker's later trials start from here


def load(config: DatasetConfig, seed: int, cache: Path | None = None) -> Dataset:
    """Load a dataset.

    The validation part is split off the training data by the seed, stratified; an image folder with a
    `validation/` of its own keeps that. The test part is never limited.

    Args:
        config: the settings.
        seed: decides which images validate, and which are taken under `limit`; the same for all trials that
            are to be compared.
        cache: where decoded images are kept; by default `~/.cache/convsweep`.

    Raises:
        DatasetError: the data is not there, or not as it must be; the message says what to do.
    """
    problems = check(config)
    if problems:
        raise DatasetError("\n".join(problems))
    folder = cache or default_folder()
    config = dataclasses.replace(config, image_size=_height_and_width(config.image_size))
    key = json.dumps([dataclasses.asdict(config), seed, str(folder)])
    if key not in _loaded:
        _loaded[key] = _load(config, seed, folder)
    return _loaded[key]


def _height_and_width(size: Any) -> tuple[int, int] | None:
    if size is None:
        return None
    return (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))


def _load(config: DatasetConfig, seed: int, folder: Path) -> Dataset:
    source = _source(config, folder)
    whole = entry(folder, source.key, source.build)
    settings = [config.limit, config.validation_fraction, config.image_size, seed]
    parted = entry(folder, [source.key, settings], lambda place: _part(place, whole, config, seed))
    classes = len(whole.meta["class_names"])
    splits = {}
    for part in PARTS:
        # A part that is as it came has no second copy in the cache.
        arrays = parted.arrays if f"{part}_images" in parted.arrays else whole.arrays
        if f"{part}_images" in arrays:
            labels = arrays[f"{part}_labels"]
            splits[part] = Split(arrays[f"{part}_images"], _encoded(labels, config.labels, classes))
    scale, offset = scaling.rescaling(config.scaling, parted.arrays["histogram"])
    return Dataset(
        name=config.name,
        train=splits["train"],
        validation=splits["validation"],
        test=splits.get("test"),
        class_names=tuple(whole.meta["class_names"]),
        scale=scale,
        offset=offset,
        skipped=tuple(whole.meta["skipped"]),
    )


def _source(config: DatasetConfig, folder: Path) -> Source:
    if config.name == "digits":
        return digits.find()
    if config.name == "image_folder":
        assert config.path is not None  # `check` has refused it
        return image_folder.find(Path(config.path).expanduser().resolve(), config.image_size)
    return published.find(config.name, config.path, folder)


def _part(place: Path, whole: Entry, config: DatasetConfig, seed: int) -> dict[str, Any]:
    """Write the parts that differ from the whole: those that were chosen from it or are resized."""
    chosen = _choose(whole, config, seed)
    train = whole.arrays["train_images"]
    for part, indices in chosen.items():
        source = "train" if part == "validation" and "validation_images" not in whole.arrays else part
        images, labels = whole.arrays[f"{source}_images"], whole.arrays[f"{source}_labels"]
        if source != part or len(indices) < len(images) or config.image_size not in (None, images.shape[1:3]):
            written = resize.write(place / f"{part}_images.npy", images, indices, config.image_size)
            save(place / f"{part}_labels.npy", labels[indices])
            train = written if part == "train" else train
    save(place / "histogram.npy", scaling.histogram(train))
    return {}


def _choose(whole: Entry, config: DatasetConfig, seed: int) -> dict[str, np.ndarray]:
    """Return the indices of each part: of its own array, or of the training images for split-off validation."""
    chosen = {part: np.arange(len(whole.arrays[f"{part}_images"])) for part in PARTS if _has(whole, part)}
    labels = whole.arrays["train_labels"]
    classes = len(whole.meta["class_names"])
    if _has(whole, "validation"):
        chosen["train"] = take(labels, classes, config.limit, seed)
    else:
        chosen["train"], chosen["validation"] = split(labels, classes, config.limit, config.validation_fraction, seed)
    return chosen


def _has(whole: Entry, part: str) -> bool:
    return f"{part}_images" in whole.arrays


def _encoded(labels: np.ndarray, encoding: str, classes: int) -> np.ndarray:
    return np.eye(classes, dtype=np.float32)[labels] if encoding == "onehot" else labels
