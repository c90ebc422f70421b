"""Which folders of an image folder are its parts, and which its classes."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from src.dataset.dataset import DatasetError
from src.dataset.walk import (
    archives_in,
    documents_in,
    folders,
    has_files,
    is_image_name,
    loose_images,
    shown,
    tables_in,
    walk,
)

# What people call the parts; `eval` is the test part where another folder validates.
NAMES = {
    "train": ("train", "training", "trn"),
    "validation": ("validation", "valid", "val", "validate", "dev", "development", "eval", "evaluation", "publictest"),
    "test": ("test", "testing", "tst", "holdout", "heldout", "privatetest"),  # as PublicTest before it, of FER2013
}
BY_NAME = {name: part for part, names in NAMES.items() for name in names}
EVAL = ("eval", "evaluation")
# Words that add nothing: training_set, test_images, seg_train.
FILLERS = ("set", "sets", "data", "dataset", "images", "image", "imgs", "img", "split", "seg", "samples", "folder")
UNLABELLED = ("unknown", "unlabeled", "unlabelled", "all", "pred", "predict", "prediction", "predictions", "unsup")
# Folders of lists and tables beside those of the images.
OF_LISTS = ("meta", "metadata", "annotation", "annotations", "label", "labels", "split", "splits", "list", "lists")
MASKS = ("mask", "masks", "segmentation", "segmentations", "annotation", "annotations", "label", "labels", "xml")
DEEPEST = 6  # folders in folders, each alone


class Layout(NamedTuple):
    """The folder of each part, the class folders of the training part, and lines for the user."""

    parts: dict[str, Path]
    class_folders: list[str]
    notes: list[str]


def part_of(name: str) -> str | None:
    """Return the part that a folder, a file or a column's value names: `train`, `validation`, `test`, or None."""
    words = _words(name)
    return _part(words[0]) if len(words) == 1 else None


def parts_of(names: Sequence[str]) -> dict[str, str]:
    """Return the part of each name that says one; or of those that differ in it alone: flowers_train, flowers_test."""
    if called := {name: part for name in names if (part := part_of(name))}:
        return called
    alike: dict[tuple[str, ...], dict[str, str]] = {}
    for name in names:
        said = [part for word in _words(name) if (part := _part(word))]
        if len(said) == 1:
            alike.setdefault(tuple(word for word in _words(name) if not _part(word)), {})[name] = said[0]
    return next((group for group in alike.values() if len(group) > 1 and "train" in group.values()), {})


def _words(name: str) -> list[str]:
    return [word for word in re.findall("[a-z]+", name.lower()) if word not in FILLERS]


def _part(word: str) -> str | None:
    return BY_NAME.get(word) or BY_NAME.get(re.sub("(set|data|images|split)$", "", word))


def part_lists_in(folder: Path) -> list[str]:
    """Return the names of lists of parts in a folder itself: train.txt, testing_list.txt, train_test_split.txt."""
    found = []
    for name in documents_in(folder):
        words = [word for word in _words(Path(name).stem) if word not in ("list", "file", "files")]
        if words and all(map(_part, words)):
            found.append(name)
    return found


def read_layout(root: Path) -> Layout:
    """Tell parts and classes of an image folder apart.

    Raises:
        DatasetError: There are none, or they can be read in more than one way; the message says what was seen.
    """
    root, notes = _unwrapped(root)
    names = folders(root)
    parts = _parts(root, names)
    if not parts:
        classes = _classes(root, names)
        if loose := loose_images(root):
            many, are = ("1 image", "is") if len(loose) == 1 else (f"{len(loose)} images", "are")
            notes.append(f"{many} beside the class folders {are} left alone: {some(loose)}")
        return Layout({"train": root}, classes, notes)
    inner = {part: _unwrapped(root / name, inside_part=True)[0] for part, name in parts.items()}
    classes = _classes(inner["train"], folders(inner["train"]))
    kept = {"train": inner["train"]}
    for part in [part for part in ("validation", "test") if part in parts]:
        folder = root / parts[part]
        holding = [place for place in (folder, inner[part]) if set(folders(place)) & set(classes)]
        if holding:
            kept[part] = holding[0]
        elif _has_no_classes(folder):
            count = len(walk(folder).files)
            lie = "1 file lies" if count == 1 else f"{count} files lie"
            notes.append(f"{shown(folder.name)}/ is left alone: its {lie} in no class folder")
        else:
            kept[part] = inner[part]
    roles = [f"{shown(folder.relative_to(root))}/ is the {_role(part)} part" for part, folder in kept.items()]
    others = [name for name in names if name not in parts.values()]
    left = f"; {some(others)} left alone" if others else ""
    return Layout(kept, classes, [*notes, ", ".join(roles) + left])


def _role(part: str) -> str:
    return "training" if part == "train" else part


def _unwrapped(folder: Path, inside_part: bool = False) -> tuple[Path, list[str]]:
    """Go down while there is but one folder that has files, and it holds folders itself."""
    start = folder
    for _ in range(DEEPEST):
        names = folders(folder)
        holding = names if len(names) == 1 else [name for name in names if has_files(folder / name)]
        alone = len(holding) == 1 and not loose_images(folder) and folders(folder / holding[0])
        if not alone or (part_of(holding[0]) and not inside_part):
            break
        folder = folder / holding[0]
    return folder, [] if folder == start else [f"the images are read from {shown(folder)}"]


def _parts(root: Path, names: list[str]) -> dict[str, str]:
    """Return the name of each part's folder, or nothing where the folders are classes.

    Raises:
        DatasetError: There are both, or several folders of one part.
    """
    called = parts_of(names)
    others = [name for name in names if name not in called]
    # A folder `train` that holds images itself is a class of trains, and crash_train, crash_test are two of crashes.
    flat = [name for name, part in called.items() if part == "train" and not folders(root / name)]
    if not called or (flat and (not any(map(part_of, called)) or (others and list(called) == ["train"]))):
        return {}
    told = f"{some([*called])} beside {some(others)}"
    if any(
        is_image_name(file.path) for name in _maybe_classes(root, called, others) for file in walk(root / name).files
    ):
        raise DatasetError(
            f"{shown(str(root))} must hold either the folders of parts (train, validation, test) or class folders, got "
            f"both: {told}; move the class folders into the parts, or the others out, or rename them"
        )
    evaluated = [name for name in called if called[name] == "validation"]
    if len(evaluated) == 2 and "test" not in called.values():
        called |= {name: "test" for name in evaluated if name.lower() in EVAL}
    parts: dict[str, str] = {}
    for name, part in called.items():
        if part in parts:
            raise DatasetError(
                f"{shown(str(root))} must hold one folder of the {_role(part)} part, got {some([parts[part], name])}; "
                "rename one, or move it out"
            )
        parts[part] = name
    if "train" not in parts:
        raise DatasetError(
            f"{shown(str(root))} must hold a folder train/ beside {some(names)}, got none; rename the folder to train "
            "on, or type dataset.path= and that folder"
        )
    if not folders(root / parts["train"]):
        raise DatasetError(
            f"{shown(str(root / parts['train']))} must hold a folder for each class, got none"
            + instead(root / parts["train"], root)
        )
    return parts


def _maybe_classes(root: Path, called: dict[str, str], others: list[str]) -> list[str]:
    """Return the folders beside those of parts that may hold a class: not those of images to predict, of masks."""
    training = [name for name, part in called.items() if part == "train"]
    if training and len({*called.values()}) > 1:  # nobody has two parts and classes that are in neither
        inside = {inner for name in training for inner in folders(_unwrapped(root / name, inside_part=True)[0])}
        return [name for name in others if name in inside]
    return [name for name in others if not {*re.findall("[a-z]+", name.lower())} & {*UNLABELLED}]


def _classes(folder: Path, names: list[str]) -> list[str]:
    """Return the class folders.

    Raises:
        DatasetError: There are fewer than two, or they all hold the same folders.
    """
    if len(names) < 2:
        got = f"only {shown(names[0])}" if names else "none"
        raise DatasetError(
            f"{shown(str(folder))} must hold a sub-folder for each of at least two classes, got {got}{instead(folder)}"
        )
    inside = [set(folders(folder / name)) for name in names]
    same = sorted(set.intersection(*inside))
    splits = [name for name in same if part_of(name)]
    loose = any(loose_images(folder / name) for name in names)
    if splits and not loose:
        moved = f"{shown(splits[0])}/{shown(names[0])}"
        raise DatasetError(
            f"{shown(str(folder))} must hold the folders of parts with the classes inside, got classes with parts "
            f"inside: {some(names)}, which all hold {some(same)}; move {shown(names[0])}/{shown(splits[0])} to {moved} "
            "and so on, or write a table of the files, their labels and parts and type dataset=table"
        )
    if masks := [name for name in same if {*_words(name)} & {*MASKS}] if len(same) >= 2 and not loose else []:
        raise DatasetError(
            f"{shown(str(folder))} must hold a folder of images for each class, got {some(names)}, which all hold "
            f"{some(same)}; move {some(masks)} out, or write a table of the images and their labels and type "
            "dataset=table"
        )
    if len(same) >= 2 and not loose:
        raise DatasetError(
            f"{shown(str(folder))} must hold a folder for each class, got {some(names)}, which all hold the folders "
            f"{some(same)}; if those are the classes, type e.g. dataset.path={shown(str(folder / names[0]))}, or name "
            "the outer folders train, validation and test"
        )
    return names


def instead(folder: Path, root: Path | None = None) -> str:
    """Say what to do with images that lie in a folder itself, or in its only one, or with the table beside them.

    Args:
        folder: it.
        root: where a table of the images may lie as well.
    """
    holding = next(
        (place for place in (folder, *(folder / name for name in folders(folder))) if loose_images(place)), folder
    )
    loose = loose_images(holding)
    lie = "1 image lies" if len(loose) == 1 else f"{len(loose):,} images lie"
    where = "it itself" if holding == folder else f"{shown(holding.name)}/ itself"
    said = f"; {lie} in {where}: {some(loose, 3)}; move them into a folder for each class" if loose else ""
    for place in (folder, *([root] if root else [])):
        if tables := tables_in(place):
            path = place / tables[0] if root is None or place == root else root  # a part's own: those of all parts
            return f"{said}; for the labels in {some(tables, 3)}, type dataset=table dataset.path={shown(path)}"
    if archives := [] if loose else archives_in(folder):
        return f"; unpack {some(archives, 3)}"
    if loose:
        said += ", or write a table of their names and labels and type dataset=table dataset.path= and the table"
    return said


def _has_no_classes(folder: Path) -> bool:
    """Tell whether a part holds its files itself, or in one folder that is named like none of a class."""
    names = folders(folder)
    words = {word for name in names for word in re.findall("[a-z]+", name.lower())}
    return not names or (len(names) == 1 and (part_of(names[0]) is not None or words <= {*FILLERS, *UNLABELLED}))


def some(names: list[str], most: int = 5) -> str:
    """Name the first, and say how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(shown(name) for name in names[:most]) + more
