"""Put image files into the cache: decoded once, all of one size, deep ones by one range of values."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from src.dataset import cache, decode, value_range
from src.dataset.copies import copies
from src.dataset.dataset import DatasetError
from src.dataset.parallel_decode import decode_all
from src.dataset.source import check_labels, told


class Listing(NamedTuple):
    """The files of a part: their names, where `decode` reads each, their labels, and perhaps their folds."""

    names: list[str]
    places: list[Any]
    labels: np.ndarray
    folds: np.ndarray | None = None

    def mixed(self) -> "Listing":
        """Return it in another order, always the same one, so that the first images of an array are of all classes."""
        order = np.random.default_rng(0).permutation(len(self.names))
        names, places = ([each[i] for i in order] for each in (self.names, self.places))
        return Listing(names, places, self.labels[order], None if self.folds is None else self.folds[order])


def build(
    place: Path,
    listings: Mapping[str, Listing],
    class_names: list[str],
    size: tuple[int, int] | None,
    fit: str,
    skipped: Mapping[str, str],
) -> dict[str, Any]:
    """Decode the files of all parts into a folder of the cache.

    Args:
        place: the folder.
        listings: the parts; `train` always.
        class_names: the name of each label.
        size: [height, width] of all images; None if they are of one size already.
        fit: `stretch`, `crop` or `pad`.
        skipped: why files are not in the listings, for the message when a class is left without any.

    Returns:
        What the entry's JSON is to keep: see `Source.build`.

    Raises:
        DatasetError: No image of a class can be read, or the sizes differ and no `size` is given.
    """
    height, width = size or _common_size(listings)
    tasks: dict[str, list[decode.Task]] = {}
    for part, listing in listings.items():
        path = place / f"{part}_images.npy"
        array = cache.create(path, (len(listing.names), height, width, 3), np.uint8)
        start = path.stat().st_size - array.nbytes
        tasks[part] = [(file, str(path), start + i * height * width * 3) for i, file in enumerate(listing.places)]
    results, span, notes = _decode(tasks, (height, width), fit)
    channels = 3 if any(kind == "colour" for part in results.values() for kind, _ in part) else 1
    broken: dict[str, str] = {}
    kept: dict[str, np.ndarray] = {}
    for part, listing in listings.items():
        good = np.array([kind in ("grey", "colour") for kind, _ in results[part]], bool)
        kept[part] = np.flatnonzero(good)
        broken |= {listing.names[row]: results[part][row][1] for row in np.flatnonzero(~good)}
        check_labels(part, listing.labels[good], class_names, {**skipped, **broken})
        _keep(place / f"{part}_images.npy", good, channels)
        cache.save(place / f"{part}_labels.npy", listing.labels[good])
        if listing.folds is not None:
            cache.save(place / f"{part}_folds.npy", listing.folds[good])
        cache.save(place / f"{part}_names.npy", np.array(listing.names, str)[good])
    if broken:
        notes.append(told(broken, sum(len(listing.names) for listing in listings.values())))
    notes += copies(
        {part: [results[part][row][1] for row in rows] for part, rows in kept.items()},
        {part: listings[part].labels[rows] for part, rows in kept.items()},
        {part: [listings[part].names[row] for row in rows] for part, rows in kept.items()},
    )
    return {"class_names": class_names, "skipped": broken, "value_range": span, "notes": notes}


def _decode(
    tasks: dict[str, list[decode.Task]], size: tuple[int, int], fit: str
) -> tuple[dict[str, list[decode.Result]], tuple[float, float] | None, list[str]]:
    """Decode all tasks, those of deep images a second time, once the range of the training part's is known."""
    found = iter(decode_all([task for part in tasks.values() for task in part], size, fit))
    results = {part: [next(found) for _ in part_tasks] for part, part_tasks in tasks.items()}
    deep = {part: [i for i, (kind, _) in enumerate(found) if kind == "deep"] for part, found in results.items()}
    if not any(deep.values()):
        return results, None, []
    measured = [results["train"][i][1] for i in deep["train"]]
    measured = measured or [results[part][i][1] for part, rows in deep.items() for i in rows]
    flat = sum(kind in ("grey", "colour") for kind, _ in results["train"])
    span = value_range.choose([decode.Deep(*each) for each in measured], few=len(deep["train"]) < flat)
    again = iter(decode_all([tasks[part][i] for part, rows in deep.items() for i in rows], size, fit, span))
    for part, rows in deep.items():
        for i in rows:
            results[part][i] = next(again)
    some = sum(map(len, deep.values()))
    others = sum(map(len, tasks.values())) - some
    have = "1 image has more than 8 bits: its" if some == 1 else f"{some} images have more than 8 bits: their"
    note = f"{have} values from {span[0]:g} to {span[1]:g} become 0 to 255"
    return (
        results,
        span,
        [note + (f"; {_others(others)} taken as {'it is' if others == 1 else 'they are'}" if others else "")],
    )


def _others(count: int) -> str:
    return "the other is" if count == 1 else f"{count} others are"


def _common_size(listings: Mapping[str, Listing]) -> tuple[int, int]:
    seen: dict[tuple[int, int], str] = {}
    for listing in listings.values():
        for name, file in zip(listing.names, listing.places, strict=True):
            try:
                seen.setdefault(decode.size_of(file), name)
            except Exception:  # damaged: named when it is decoded
                continue
            if len(seen) > 1:
                shown = " and ".join(f"{name} ({height}x{width})" for (height, width), name in seen.items())
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
