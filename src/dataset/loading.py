"""From settings to a dataset: find it, decode it once a machine, split it once a seed."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from src.config.dataset import DatasetConfig, check
from src.dataset import resize, scaling
from src.dataset.cache import Entry, default_folder, entry, save
from src.dataset.dataset import Dataset, DatasetError, Preprocessing, Split
from src.dataset.found import found
from src.dataset.registry import DATASETS
from src.dataset.source import PARTS, Source
from src.dataset.split import fold, fold_given, hold_out, split, take

_loaded: dict[str, Dataset] = {}  # what this process has opened: a worker's later trials start from here


def load(config: DatasetConfig, seed: int, cache: Path | None = None, number: int = 1) -> Dataset:
    """Load a dataset.

    The validation part is split off the training data by the seed, stratified; an image folder with a
    `validation/` of its own keeps that. The test part is never limited, and the same for every seed and fold: also one
    that is split off, by `test_fraction`.

    Args:
        config: the settings.
        seed: decides which images validate, and which are taken under `limit`; the same for all trials that
            are to be compared.
        cache: where decoded images are kept; by default `~/.cache/convsweep`.
        number: which of the folds validates, from 1, where `config` asks for folds.

    Raises:
        DatasetError: the data is not there, or not as it must be; the message says what to do.
    """
    problems = check(config)
    if problems:
        raise DatasetError("\n".join(problems))
    folder = cache or default_folder()
    config = sized(config)
    key = json.dumps([dataclasses.asdict(config), seed, str(folder), number])
    if key not in _loaded:
        _loaded[key] = _load(config, seed, folder, number)
    return _loaded[key]


def all_validated(config: DatasetConfig, seed: int, folds: int) -> Dataset:
    """Return a dataset whose validation part is that of the first `folds` folds, in their order, in memory."""
    parts = [load(config, seed, number=number) for number in range(1, folds + 1)]
    images, labels = (np.concatenate(arrays) for arrays in zip(*(part.validation for part in parts), strict=True))
    names = [part.names["validation"] for part in parts if "validation" in part.names]
    together = {"validation": np.concatenate(names)} if names else {}
    return dataclasses.replace(parts[0], validation=Split(images, labels), names={**parts[0].names, **together})


def sized(config: DatasetConfig) -> DatasetConfig:
    """Return the settings with `image_size` as (height, width), or None."""
    size = config.image_size
    pair = None if size is None else (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
    return dataclasses.replace(config, image_size=pair)


def _load(config: DatasetConfig, seed: int, folder: Path, number: int) -> Dataset:
    source = DATASETS[config.name].find(config, folder)
    whole = entry(folder, source.key, source.build)
    settings = [config.limit, config.validation_fraction, config.image_size, config.fit, config.channels, seed]
    if config.splits > 1:
        settings += [config.splits, number]
    if config.test_fraction is not None:
        settings += ["test", config.test_fraction]
    parted = entry(folder, [source.key, settings], lambda place: _part(place, whole, config, seed, number))
    classes = len(whole.meta["class_names"])
    splits, names = {}, {}
    for part, arrays in _by_part(parted.arrays, whole.arrays).items():
        if f"{part}_images" in arrays:
            labels = arrays[f"{part}_labels"]
            splits[part] = Split(arrays[f"{part}_images"], _encoded(labels, config.labels, classes))
        if f"{part}_names" in arrays:
            names[part] = arrays[f"{part}_names"]
    scale, offset = scaling.rescaling(config.scaling, parted.arrays["histogram"])
    height, width, channels = splits["train"].images.shape[1:]
    span = whole.meta["value_range"]
    class_names = tuple(whole.meta["class_names"])
    tested = len(splits["test"].labels) if "test" in splits else 0
    return Dataset(
        name=config.name,
        train=splits["train"],
        validation=splits["validation"],
        test=splits.get("test"),
        class_names=class_names,
        scale=scale,
        offset=offset,
        skipped=tuple(sorted({**source.skipped, **whole.meta["skipped"]})),
        preprocessing=Preprocessing(
            (height, width), config.fit, channels, tuple(span) if span else None, config.scaling, class_names
        ),
        names=names,
        digests=parted.meta.get("digests") or _digests(_by_part(parted.arrays, whole.arrays)),
        notes=(
            *lines(source, whole),
            *whole.meta["notes"],
            *note_of_test(config, tested, len(whole.arrays["train_labels"])),
        ),
        white=scaling.white(parted.arrays["histogram"]),
    )


def note_of_test(config: DatasetConfig, tested: int, count: int) -> list[str]:
    """Say how many of the images are set aside to test with, where that is asked for."""
    if config.test_fraction is None:
        return []
    return [
        f"{tested:,} of {count:,} images are the test part, the same ones for every seed "
        f"(dataset.test_fraction={config.test_fraction:g})"
    ]


def lines(source: Source, whole: Entry | None) -> list[str]:
    """Say what was found of data of the user's own, and how it was read.

    Args:
        source: the data.
        whole: its entry in the cache, if it is there.
    """
    labels = source.labels
    if not labels and not source.class_names and whole is not None:  # arrays, whose labels are read with them
        labels = {part: whole.arrays[f"{part}_labels"] for part in PARTS if f"{part}_labels" in whole.arrays}
    class_names = source.class_names or (whole.meta["class_names"] if whole is not None else ())
    what = "files" if source.labels else "images"
    return [*(found(labels, class_names, what) if labels else ()), *source.notes]


def _part(place: Path, whole: Entry, config: DatasetConfig, seed: int, number: int) -> dict[str, Any]:
    """Write the parts that differ from the whole: those that were chosen from it or are resized."""
    labels = {part: whole.arrays[f"{part}_labels"] for part in PARTS if f"{part}_labels" in whole.arrays}
    chosen = choose(labels, whole.meta["class_names"], config, seed, number, whole.arrays.get("train_folds"))
    scaled = [whole.arrays["train_images"]]
    for part, indices in chosen.items():
        source = part if f"{part}_images" in whole.arrays else "train"
        images, labels = whole.arrays[f"{source}_images"], whole.arrays[f"{source}_labels"]
        channels = images.shape[3] if config.channels == "auto" else config.channels
        same = config.image_size in (None, images.shape[1:3]) and channels == images.shape[3]
        if source != part or len(indices) < len(images) or not same:
            path = place / f"{part}_images.npy"
            written = resize.write(path, images, indices, config.image_size, config.fit, channels)
            save(place / f"{part}_labels.npy", labels[indices])
            if f"{source}_names" in whole.arrays:
                save(place / f"{part}_names.npy", whole.arrays[f"{source}_names"][indices])
            if part == "train":
                scaled = [written]
            elif part == "validation" and config.splits > 1:
                # All folds' networks scale alike, by the images that any of them is trained on: so they are one graph.
                scaled.append(written)
    save(place / "histogram.npy", np.sum([scaling.histogram(images) for images in scaled], axis=0))
    parted = {file.stem: np.load(file, mmap_mode="r") for file in place.glob("*.npy")}
    return {"digests": _digests(_by_part(parted, whole.arrays))}


def _by_part(parted: Mapping[str, np.ndarray], whole: Mapping[str, np.ndarray]) -> dict[str, Mapping[str, np.ndarray]]:
    """Return the arrays that each part's are among: one that is as it came has no second copy in the cache."""
    return {part: parted if f"{part}_images" in parted else whole for part in PARTS}


def _digests(arrays: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, str]:
    """Name the images and labels of each part, by their content."""
    found = {}
    for part, known in arrays.items():
        if f"{part}_images" in known:
            images, labels = known[f"{part}_images"], known[f"{part}_labels"]
            digest = hashlib.blake2b(f"{images.shape} {labels.dtype}".encode(), digest_size=8)
            for array in (images, labels):
                digest.update(np.ascontiguousarray(array).data)
            found[part] = digest.hexdigest()
    return found


def choose(
    labels: Mapping[str, np.ndarray],
    class_names: list[str],
    config: DatasetConfig,
    seed: int,
    number: int = 1,
    folds: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Return the indices of each part: of its own array, or of the training images where it is split off these.

    Args:
        labels: of each part that the data has, [N].
        class_names: the name of each label.
        config: the settings.
        seed: as for `load`.
        number: as for `load`.
        folds: in which fold each training image validates, where the data says it.

    Raises:
        DatasetError: there are not enough images of each class for these settings.
    """
    chosen = {part: np.arange(len(labels[part])) for part in PARTS if part in labels}
    train, classes = labels["train"], len(class_names)
    rest = chosen["train"]
    if config.test_fraction is not None:
        if "test" in labels:
            raise DatasetError(
                "`dataset.test_fraction` must be null where the data has a test part of its own, got "
                f"{config.test_fraction:g}; type dataset.test_fraction=null, or move its images to the training part"
            )
        if folds is not None:
            raise DatasetError(
                f"`dataset.test_fraction` must be null where a column says the folds, got {config.test_fraction:g}: it "
                "would take images out of each fold, and those of one patient or object would be trained on and tested "
                "by; write test in the rows of that column that are to test, or type dataset.split_column=none"
            )
        kept = 1 if "validation" in labels else 2  # to train on, and to validate by
        rest, chosen["test"] = hold_out(train, classes, config.test_fraction, kept)
        train = train[rest]
    if "validation" in labels:
        if config.splits > 1:
            raise DatasetError(
                "`dataset.folds` must be null where the data has a validation part of its own, got "
                f"{config.folds}; type dataset.folds=null, or move its images to the training part"
            )
        chosen["train"] = rest[take(train, classes, config.limit, seed)]
    else:
        _check_enough(train, class_names)
        if config.splits > 1 and folds is not None:
            parts = fold_given(train, class_names, config.limit, folds[rest], number, seed)
        elif config.splits > 1:
            parts = fold(train, class_names, config.limit, config.splits, number, seed, config.test_fraction)
        else:
            parts = split(train, classes, config.limit, config.validation_fraction, seed)
        chosen["train"], chosen["validation"] = (rest[part] for part in parts)
    return chosen


def _check_enough(labels: np.ndarray, class_names: list[str]) -> None:
    single = [class_names[i] for i in np.flatnonzero(np.bincount(labels, minlength=len(class_names)) == 1)]
    if single:
        raise DatasetError(
            f"each class must have at least two images, to train on one and validate by another; there is one of "
            f"{', '.join(single[:5])}{f' and {len(single) - 5} more' if len(single) > 5 else ''}; add some, or remove "
            "the class"
        )


def _encoded(labels: np.ndarray, encoding: str, classes: int) -> np.ndarray:
    return np.eye(classes, dtype=np.float32)[labels] if encoding == "onehot" else labels
