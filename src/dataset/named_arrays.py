"""Which array is which, by its name: x_train and y_train, or train_images and train_labels, and so on."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np

from src.dataset import cache
from src.dataset.copies import copies, digests_of
from src.dataset.dataset import DatasetError
from src.dataset.labels import number
from src.dataset.layout import part_of
from src.dataset.pixels import as_bytes
from src.dataset.source import check_labels
from src.dataset.streams import collect, is_stream
from src.dataset.walk import shown

IMAGES = ("x", "images", "image", "imgs", "img", "data", "inputs", "pixels", "features")
LABELS = ("y", "labels", "label", "targets", "target", "classes")
CLASS_NAMES = ("class_names", "label_names", "list_classes", "classes", "names", "categories")
USUAL = "x_train, y_train, and as wanted x_val, y_val, x_test, y_test, class_names"


class Arrays(NamedTuple):
    """The arrays of each part, what they are called, the class names if any, and lines for the user."""

    images: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]
    called: dict[str, tuple[str, str]]
    class_names: list[str] | None
    notes: list[str]


def sort_out(arrays: Mapping[str, np.ndarray], place: str) -> Arrays:
    """Find the parts among named arrays.

    Raises:
        DatasetError: There are no training images and labels, a part has but one of both, or their numbers differ.
    """
    images: dict[str, str] = {}
    labels: dict[str, str] = {}
    names = {name for name in arrays if name.lower() in CLASS_NAMES and arrays[name].ndim == 1}
    names = {name for name in names if arrays[name].dtype.kind in "USO"}
    left = []
    for name in arrays:
        part, content = _meaning(name)
        found = {"images": images, "labels": labels}.get(content)
        if name in names or found is None or part in found:
            left += [] if name in names else [name]
        else:
            found[part] = name
    for part in ("train", *sorted({*images, *labels} - {"train"})):
        if part not in images or part not in labels:
            got = ", ".join(map(shown, arrays)) or "nothing"
            lacks = "images" if part not in images else "labels"
            raise DatasetError(f"{place} must hold arrays named {USUAL}, got {got}, and no {lacks} of the {part} part")
        pixels, given = arrays[images[part]], arrays[labels[part]]
        if not pixels.ndim or not given.ndim or len(pixels) != len(given):
            counts = [len(array) if array.ndim else 0 for array in (given, pixels)]
            raise DatasetError(
                f"{shown(labels[part])} must have a label for each of the {counts[1]} images in {shown(images[part])}, "
                f"got {counts[0]}"
            )
    notes = [f"arrays {', '.join(map(shown, left))} are left alone"] if left else []
    named = np.asarray(arrays[min(names)]) if names else None
    class_names = None if named is None else _texts(named)
    return Arrays(
        {part: arrays[name] for part, name in images.items()},
        {part: _flat(arrays[name]) for part, name in labels.items()},
        {part: (shown(name), shown(labels[part])) for part, name in images.items()},
        class_names,
        notes,
    )


def _texts(array: np.ndarray) -> list[str]:
    return (np.char.decode(array) if array.dtype.kind == "S" else array.astype(str)).tolist()


def _flat(labels: np.ndarray) -> np.ndarray:
    """Return labels without axes of length 1."""
    return labels.reshape(-1) if labels.size == len(labels) else labels


def _meaning(name: str) -> tuple[str, str]:
    """Return the part of an array, `train` where its name says none, and whether it holds `images` or `labels`."""
    words = re.findall("[a-z]+", re.sub("([a-z])([A-Z])", r"\1_\2", name).lower())
    part = next((found for word in words if (found := part_of(word))), None)
    others = [word for word in words if not part_of(word) and word != "set"]  # train_set_x
    if part is None and others and len(others[0]) > 1 and part_of(others[0][1:]):  # Xtrain, ytest
        part, others = part_of(others[0][1:]), [others[0][0], *others[1:]]
    content = dict.fromkeys(IMAGES, "images") | dict.fromkeys(LABELS, "labels")
    meant = [content.get(word, "") for word in others]
    return part or "train", meant[0] if len(meant) == 1 else "labels" if "labels" in meant and len(meant) == 2 else ""


def write(place: Path, arrays: Arrays) -> dict[str, Any]:
    """Write the parts into a folder of the cache, checked; return what its JSON is to keep: see `Source.build`."""
    images, span, notes = as_bytes(arrays.images, {part: called[0] for part, called in arrays.called.items()})
    labels, class_names = number(
        arrays.labels, arrays.class_names, {part: called[1] for part, called in arrays.called.items()}
    )
    for part, numbers in labels.items():
        check_labels(part, numbers, class_names)
        cache.save(place / f"{part}_images.npy", images[part])
        cache.save(place / f"{part}_labels.npy", numbers)
    notes += copies(
        {part: digests_of(pixels) for part, pixels in images.items()},
        labels,
        {part: [f"{arrays.called[part][0]}[{row}]" for row in range(len(labels[part]))] for part in labels},
    )
    return {"class_names": class_names, "skipped": {}, "value_range": span, "notes": [*arrays.notes, *notes]}


def as_arrays(given: Mapping[str, object] | Sequence[object], place: str) -> dict[str, np.ndarray]:
    """Return what a function of the user's returned as arrays by name.

    Args:
        given: a mapping by name, of arrays or of pairs of images and labels; or such pairs, as Keras's `load_data`
            returns: training and test, or training, validation and test; or one pair. What yields images with labels
            stands for a pair.
        place: what returned it, for messages.
    """
    expected = (
        f"{place} must return a dictionary of arrays ({USUAL}), ((x_train, y_train), (x_test, y_test)), or what yields "
        "pairs of images and labels"
    )
    within = [*given.values()] if isinstance(given, Mapping) else [*given] if isinstance(given, Sequence) else []
    # As what keras.utils.image_dataset_from_directory returns has.
    names = next((item.class_names for item in [given, *within] if hasattr(item, "class_names")), None)
    if isinstance(given, Mapping):
        parts = {str(name): _pair(value, place) for name, value in given.items() if value is not None}
        pairs = {name: pair for name, pair in parts.items() if pair is not None and part_of(name)}
        named = {name: np.asarray(given[name]) for name in parts if name not in pairs}
    elif is_stream(given):
        pairs, named = {"train": _pair(given, place)}, {}
    elif not isinstance(given, Sequence) or isinstance(given, str):
        raise DatasetError(f"{expected}, got {type(given).__name__}")
    else:
        found = [_pair(item, place) for item in given]
        found = found if None not in found else [_pair(given, place)]
        suffixes = {1: ["train"], 2: ["train", "test"], 3: ["train", "val", "test"]}.get(len(found), [])
        if not suffixes or None in found:
            raise DatasetError(f"{expected}, got {type(given).__name__} of {len(given)}")
        pairs, named = dict(zip(suffixes, found, strict=True)), {}
    for name, pair in pairs.items():
        images, labels = cast(tuple[object, object], pair)
        named |= {f"x_{name}": np.asarray(images), f"y_{name}": np.asarray(labels)}
    return ({"class_names": np.array(names)} if names else {}) | named


def _pair(value: object, place: str) -> tuple[object, object] | None:
    """Return images and labels, of what yields them as well; None for anything else."""
    if is_stream(value):
        return collect(value, place)
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2:
        return value[0], value[1]
    return None
