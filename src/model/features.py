"""What a frozen backbone makes of a dataset's images: computed once a machine, kept in the cache for all trials."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from src.augmentation import expanded
from src.config.augmentation import AugmentationConfig
from src.config.pretrained import POOLINGS, Pretrained
from src.dataset import Dataset, DatasetError, Split, cache
from src.dataset.cores import cores
from src.model import backbones
from src.model.all_images import all_images
from src.model.pretrained import pooled

FOLDER = "features"  # in the cache
MEGABYTES = 4000  # that all features of a machine take; those that were not used for longest go first
BATCH = 32  # images that go through the backbone at once
HIGHEST = 65504.0  # of float16


class Features(NamedTuple):
    """A dataset with features in place of images, and how many parameters the backbone has that made them."""

    data: Dataset
    parameters: int


class Stopped(Exception):
    """The sweep stops while features are computed; nothing of them is kept."""


def load_features(
    config: Pretrained,
    data: Dataset,
    augmentation: AugmentationConfig,
    seed: int,
    stop: Callable[[], bool] = lambda: False,
    folder: Path | None = None,
    of_fold: bool = False,
) -> Features:
    """Return the dataset with features in place of images: float16 [N, features], memory-mapped.

    Of several processes that ask for the same ones at once, one computes and the others wait.

    Args:
        config: Backbone, weights and pooling.
        data: The images; those of the test part have no features.
        augmentation: With `mode=expand`, variants are added to the training images.
        seed: Of the variants, the same for all trials of a study.
        stop: Asked from time to time whether to give up.
        folder: The cache; by default `~/.cache/convsweep`.
        of_fold: Whether other folds have the same images in other parts. All of them go through the backbone once, and
            each fold takes its rows of what is kept, into memory.

    Raises:
        Stopped: `stop` said so.
        DatasetError: There is no room for them.
        ModelError: The backbone cannot be had.
    """
    height, width, _ = data.input_shape
    on = augmentation.on
    variants = json.loads(json.dumps([asdict(augmentation), seed])) if on else None
    policy = keras.config.dtype_policy().name
    digests = [data.digests.get(part) or _content(getattr(data, part)) for part in ("train", "validation")]
    whole = all_images(data, tuple(digests)) if of_fold else None
    images = [whole.digest] if whole else digests
    key = [images, list(data.input_shape), config.backbone, backbones.weights_digest(config), policy, variants]
    place = (folder or cache.default_folder()) / FOLDER / cache.digest(key)

    def build(draft: Path) -> dict[str, Any]:
        backbone = backbones.frozen(config, height, width)
        sources = len(whole.sources if whole else data.train.labels)
        rows = sources * (1 + (augmentation.copies or 1) if on else 1) + (0 if whole else len(data.validation.labels))
        _check_room(config, draft, rows, backbone.output_shape[-1])
        learnt = whole.write(data, draft) if whole else data.train
        learnt = expanded(learnt, augmentation, seed, data.white, draft) if on else learnt
        for part, split in [("train", learnt)] if whole else [("train", learnt), ("validation", data.validation)]:
            _compute(draft, part, split.images, backbone, config.backbone, stop)
        return {"parameters": backbone.count_params()}

    found = cache.entry(place, key, build)
    bound(place.parent, MEGABYTES, place)
    train = found.arrays[f"train_{config.pooling}"]
    if whole:
        validation = train[whole.validation]
        by_copy = train.reshape(-1, len(whole.sources), train.shape[1])  # the images, then each set of variants
        train = by_copy[:, whole.train].reshape(-1, train.shape[1])
    else:
        validation = found.arrays[f"validation_{config.pooling}"]
    labels = data.train.labels
    if len(train) > len(labels):  # each image's variants follow all images, in their order
        labels = np.concatenate([labels] * (len(train) // len(labels)))
    seen = dataclasses.replace(data, train=Split(train, labels), validation=Split(validation, data.validation.labels))
    return Features(seen, found.meta["parameters"])


def _content(part: Split) -> str:
    """Name images that did not come out of the cache by their pixels."""
    return hashlib.blake2b(np.ascontiguousarray(part.images).data).hexdigest()


def _compute(
    draft: Path, part: str, images: np.ndarray, backbone: keras.Model, name: str, stop: Callable[[], bool]
) -> None:
    """Write what the backbone makes of the images, pooled in each way, to files of the cache."""
    import tensorflow as tf

    given = keras.Input(images.shape[1:], dtype="float32")
    maps = backbone(backbones.prepared(given, name))
    extractor = keras.Model(given, [pooled(maps, pooling) for pooling in POOLINGS])
    # One graph for all batches; XLA would take longer to compile than it saves.
    graph = tf.function(lambda batch: extractor(tf.cast(batch, tf.float32), training=False))
    run: Any = graph.get_concrete_function(tf.TensorSpec([None, *images.shape[1:]], tf.uint8))
    shape = (len(images), backbone.output_shape[-1])
    written = [cache.create(draft / f"{part}_{pooling}.npy", shape, np.float16) for pooling in POOLINGS]

    def fill(start: int) -> None:
        if stop():
            raise Stopped
        for array, values in zip(written, run(tf.constant(images[start : start + BATCH])), strict=True):
            array[start : start + BATCH] = np.clip(values.numpy(), -HIGHEST, HIGHEST)

    # In a study each operation has one thread: several batches at once use the cores that no other trial does.
    with ThreadPoolExecutor(cores()) as pool:
        for _ in pool.map(fill, range(0, len(images), BATCH)):
            pass


def _check_room(config: Pretrained, draft: Path, rows: int, features: int) -> None:
    needed = rows * features * 2 * len(POOLINGS)
    left = shutil.disk_usage(draft).free
    if needed > left:
        raise DatasetError(
            f"`model.backbone`: the features that {config.backbone} makes of {rows} images need {needed / 1e6:.1f} MB "
            f"in {draft.parents[1]}, whose disk has {left / 1e6:.1f} MB left; free space there, set the environment "
            "variable XDG_CACHE_HOME to a folder on another disk, or type model.trainable=all, which needs none"
        )


def bound(folder: Path, megabytes: int, keep: Path) -> None:
    """Remove the features that were not used for longest, until the others fit; never those that are being made."""
    found = []
    for place in (item for item in folder.iterdir() if item.is_dir()):
        with contextlib.suppress(OSError):  # another process removes as well
            files = [file.stat() for file in place.rglob("*") if file.is_file()]
            used = max((item.stat().st_mtime for item in place.iterdir() if item.is_dir()), default=0.0)
            found.append((used, sum(status.st_size for status in files), place))
    total = sum(size for _, size, _ in found)
    for _, size, place in sorted(found, key=lambda each: each[0]):
        if total <= megabytes * 1e6:
            return
        if place != keep and _emptied(place):
            total -= size


def _emptied(place: Path) -> bool:
    """Remove features, unless somebody is making them; who waits for them makes them anew."""
    try:
        with open(place / "lock", "a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for item in place.iterdir():
                if item.is_dir():
                    shutil.rmtree(item)
    except OSError:
        return False
    return True
