"""Your own images: a sub-folder a class, or `train/`, `validation/` and `test/` of such sub-folders."""

import logging
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from src.dataset import cache, decode
from src.dataset.dataset import DatasetError
from src.dataset.parallel_decode import decode_all
from src.dataset.source import PARTS, Source, check_labels

NAMED = 50  # broken files that the warning names; `Dataset.skipped` has them all

log = logging.getLogger(__name__)


class Listing(NamedTuple):
    """The files of a part, relative to the folder, and the label of each."""

    files: list[str]
    labels: np.ndarray


def find(root: Path, size: tuple[int, int] | None) -> Source:
    """List an image folder; it is decoded when the source is built.

    Files that cannot be read are skipped, and named in one warning.

    Args:
        root: the folder.
        size: [height, width] to resize to; None if all images are of one size already.

    Raises:
        DatasetError: fewer than two classes, a class without files or of one part only, sub-folders that
            are neither parts nor classes; when built: a class of which no file can be read, or images of
            different sizes and no `size`.
    """
    folders = _part_folders(root)
    class_names = _folders(folders["train"])
    if len(class_names) < 2:
        got = f"only {class_names[0]}" if class_names else "none"
        raise DatasetError(f"{folders['train']} must hold a sub-folder for each of at least two classes, got {got}")
    listings = {part: _list(root, folder, class_names) for part, folder in folders.items()}
    states = {part: [_state(root, file) for file in listing.files] for part, listing in listings.items()}
    return Source(
        ["image_folder", str(root), size, class_names, states],
        lambda place: _build(place, root, size, class_names, listings),
    )


def _part_folders(root: Path) -> dict[str, Path]:
    """Return the folder of each part. A folder `train` that holds images itself is a class of trains."""
    names = _folders(root)
    if "train" not in names or not _folders(root / "train"):
        return {"train": root}
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise DatasetError(
            f"beside train/, {root} may hold validation/ and test/, got {', '.join(unknown)}; rename or move them"
        )
    return {name: root / name for name in names}


def _folders(folder: Path) -> list[str]:
    return sorted(item.name for item in os.scandir(folder) if item.is_dir() and item.name[0] != ".")


def _list(root: Path, folder: Path, class_names: list[str]) -> Listing:
    unknown = sorted(set(_folders(folder)) - set(class_names))
    if unknown:
        raise DatasetError(f"{folder} holds classes that have no training images: {', '.join(unknown)}")
    files, labels = [], []
    for label, name in enumerate(class_names):
        found = _files(folder / name)
        if not found and folder.joinpath(name).is_dir():
            raise DatasetError(f"no image of class {name} in {folder / name}; add some, or remove the folder")
        files += [file[len(str(root)) + 1 :] for file in found]  # ten times as fast as os.path.relpath
        labels += [label] * len(found)
    if not files:
        raise DatasetError(f"no image in {folder}; add some, or remove the folder")
    # Mixed, so that the first images of an array are of all classes.
    order = np.random.default_rng(0).permutation(len(files))
    return Listing([files[index] for index in order], np.array(labels, np.int32)[order])


def _files(folder: Path) -> list[str]:
    found = []
    for base, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name[0] != "."]
        found += [os.path.join(base, name) for name in names if name[0] != "."]
    return sorted(found)


def _state(root: Path, file: str) -> list[Any]:
    status = os.stat(os.path.join(root, file))
    return [file, status.st_size, status.st_mtime_ns]


def _build(
    place: Path, root: Path, size: tuple[int, int] | None, class_names: list[str], listings: dict[str, Listing]
) -> dict[str, Any]:
    height, width = size or _common_size(root, listings)
    tasks: list[decode.Task] = []
    for part, listing in listings.items():
        path = place / f"{part}_images.npy"
        array = cache.create(path, (len(listing.files), height, width, 3), np.uint8)
        start = path.stat().st_size - array.nbytes
        for row, file in enumerate(listing.files):
            tasks.append((os.path.join(root, file), str(path), start + row * height * width * 3))
    results = iter(decode_all(tasks, (height, width)))
    outcomes = {part: [next(results) for _ in listing.files] for part, listing in listings.items()}
    channels = 3 if any("colour" in outcome for outcome in outcomes.values()) else 1
    skipped = {}
    for part, listing in listings.items():
        good = np.array([outcome in ("grey", "colour") for outcome in outcomes[part]], bool)
        skipped |= {listing.files[row]: outcomes[part][row] for row in np.flatnonzero(~good)}
        check_labels(part, listing.labels[good], class_names)
        _keep(place / f"{part}_images.npy", good, channels)
        cache.save(place / f"{part}_labels.npy", listing.labels[good])
    _warn(root, skipped, len(tasks))
    return {"class_names": class_names, "skipped": sorted(skipped)}


def _common_size(root: Path, listings: dict[str, Listing]) -> tuple[int, int]:
    seen: dict[tuple[int, int], str] = {}
    for file in (file for listing in listings.values() for file in listing.files):
        try:
            seen.setdefault(decode.size_of(str(root / file)), file)
        except Exception:  # damaged: named when it is decoded
            continue
        if len(seen) > 1:
            shown = " and ".join(f"{file} ({height}x{width})" for (height, width), file in seen.items())
            raise DatasetError(
                f"`dataset.image_size` must be given for images of different sizes, got {shown}; "
                "type e.g. dataset.image_size=64"
            )
    return next(iter(seen), (1, 1))  # none is readable: the check of the labels says so


def _keep(path: Path, good: np.ndarray, channels: int) -> None:
    """Drop the rows of broken files, and two of three equal channels of grey images."""
    images = np.load(path, mmap_mode="r")
    if not good.all() or channels == 1:
        kept = cache.create(path.with_suffix(".kept"), (int(good.sum()), *images.shape[1:3], channels), np.uint8)
        for new, old in enumerate(np.flatnonzero(good)):
            kept[new] = images[old, ..., :channels]
        path.with_suffix(".kept").replace(path)


def _warn(root: Path, skipped: dict[str, str], count: int) -> None:
    if skipped:
        named = "\n".join(f"  {file}: {skipped[file]}" for file in sorted(skipped)[:NAMED])
        more = f"\n  and {len(skipped) - NAMED} more" if len(skipped) > NAMED else ""
        log.warning(
            "skipped %d of %d files in %s that are no readable image:\n%s%s", len(skipped), count, root, named, more
        )
