"""Which folders of an image folder are its parts, and which its classes."""

import re
from pathlib import Path
from typing import NamedTuple

from src.dataset.dataset import DatasetError
from src.dataset.walk import folders, has_files, is_image_name, loose_images, shown, tables_in, walk

# What people call the parts; `eval` is the test part where another folder validates.
NAMES = {
    "train": ("train", "training", "trn"),
    "validation": ("validation", "valid", "val", "validate", "dev", "development", "eval", "evaluation"),
    "test": ("test", "testing", "tst", "holdout", "heldout"),
}
BY_NAME = {name: part for part, names in NAMES.items() for name in names}
EVAL = ("eval", "evaluation")
# Words that add nothing: training_set, test_images, seg_train.
FILLERS = ("set", "sets", "data", "dataset", "images", "image", "imgs", "img", "split", "seg", "samples", "folder")
UNLABELLED = ("unknown", "unlabeled", "unlabelled", "all")
DEEPEST = 6  # folders in folders, each alone


class Layout(NamedTuple):
    """The folder of each part, the class folders of the training part, and lines for the user."""

    parts: dict[str, Path]
    class_folders: list[str]
    notes: list[str]


def part_of(name: str) -> str | None:
    """Return the part that a folder, a file or a column's value names: `train`, `validation`, `test`, or None."""
    words = [word for word in re.findall("[a-z]+", name.lower()) if word not in FILLERS]
    if len(words) != 1:
        return None
    return BY_NAME.get(words[0]) or BY_NAME.get(re.sub("(set|data|images|split)$", "", words[0]))


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
    called = {name: part for name in names if (part := part_of(name))}
    others = [name for name in names if name not in called]
    # A folder `train` that holds images itself is a class of trains.
    if not called or (others and list(called) == ["train"] and not folders(root / "train")):
        return {}
    told = f"{some([*called])} beside {some(others)}"
    with_images = [name for name in others if any(is_image_name(file.path) for file in walk(root / name).files)]
    if with_images:
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
        loose = len(loose_images(root / parts["train"]))
        raise DatasetError(
            f"{shown(str(root / parts['train']))} must hold a folder for each class, got {loose} "
            f"image{'s' * (loose != 1)} and no folder; move the images into class folders"
        )
    return parts


def _classes(folder: Path, names: list[str]) -> list[str]:
    """Return the class folders.

    Raises:
        DatasetError: There are fewer than two, or they all hold the same folders.
    """
    if len(names) < 2:
        got = f"only {shown(names[0])}" if names else "none"
        raise DatasetError(
            f"{shown(str(folder))} must hold a sub-folder for each of at least two classes, got {got}{_instead(folder)}"
        )
    inside = [set(folders(folder / name)) for name in names]
    same = sorted(set.intersection(*inside))
    splits = [name for name in same if part_of(name)]
    if (len(same) >= 2 or splits) and not any(loose_images(folder / name) for name in names):
        raise DatasetError(
            f"{shown(str(folder))} must hold a folder for each class, got {some(names)}, which all hold the folders "
            f"{some(same)}; if those are the classes, type e.g. dataset.path={shown(str(folder / names[0]))}, or name "
            "the outer folders train, validation and test"
        )
    return names


def _instead(folder: Path) -> str:
    """Say what to do with images that lie in a folder itself, or with the table beside them."""
    loose, tables = loose_images(folder), tables_in(folder)
    lie = "1 image lies" if len(loose) == 1 else f"{len(loose):,} images lie"
    said = f"; {lie} in it itself: {some(loose, 3)}; move them into a folder for each class" if loose else ""
    if tables:
        return (
            f"{said}; for the labels in {some(tables, 3)}, type dataset=table dataset.path={shown(folder / tables[0])}"
        )
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
