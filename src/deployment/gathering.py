"""From what a user names to image files, and to what the folders around them say that they show."""

import os
import shlex
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from src.dataset.walk import KINDS, folders, is_image_name, shown, walk


class Picture(NamedTuple):
    """An image file.

    Attributes:
        file: Its path.
        true: The index of the class whose folder it lies in; None if there is no such folder.
        wanted: Whether somebody may count on its being an image: it was named, or has an image's ending.
    """

    file: str
    true: int | None = None
    wanted: bool = True


class Gathered(NamedTuple):
    """Files to look at, why others cannot be read, by path, and lines for the user."""

    pictures: list[Picture]
    unreadable: dict[str, str]
    notes: list[str]


def gather(named: Sequence[str], class_names: Sequence[str]) -> Gathered:
    """List files, and those in folders and below, in order.

    Args:
        named: Files and folders.
        class_names: Of the model: a sub-folder with such a name says what its images show.
    """
    labels = {name.replace("/", "_"): i for i, name in enumerate(class_names)}
    labels |= {name: i for i, name in enumerate(class_names)}
    pictures: list[Picture] = []
    unreadable: dict[str, str] = {}
    notes: list[str] = []
    for name in named:
        path = Path(name).expanduser()
        if path.is_dir():
            found = walk(path)
            unreadable |= found.skipped
            files = [os.path.normpath(file.path) for file in found.files]
            own = [Picture(file, _label(file, path, labels), is_image_name(file)) for file in files]
            pictures += own
            notes += _notes(path, own, class_names, bool(found.skipped))
        elif problem := _no_file(name) or _problem(path):
            unreadable[name] = problem
        else:
            pictures.append(Picture(str(path)))
    return Gathered(pictures, unreadable, notes)


def _label(file: str, folder: Path, labels: dict[str, int]) -> int | None:
    between = os.path.relpath(file, folder).split(os.sep)[:-1]
    return next((labels[shown(name)] for name in between if shown(name) in labels), None)


def _notes(folder: Path, pictures: list[Picture], class_names: Sequence[str], skipped: bool) -> list[str]:
    if not pictures:
        return [] if skipped else [f"{shown(folder)} holds no files"]
    wanted = [picture for picture in pictures if picture.wanted]
    unlabelled = sum(picture.true is None for picture in wanted)
    if unlabelled == len(wanted) and (inside := folders(folder)):
        return [
            f"no folder in {shown(folder)} is named like a class ({_some(class_names)}), got {_some(inside)}: its "
            "images are predicted, not evaluated"
        ]
    if 0 < unlabelled < len(wanted):
        count = "1 image" if unlabelled == 1 else f"{unlabelled} images"
        return [f"{count} in {shown(folder)} outside of the classes' folders: predicted, not evaluated"]
    return []


def _no_file(name: str) -> str | None:
    """Say what to do with something that other programs read, and that is no file."""
    if name == "-":
        return "standard input is not read; save it as a file first"
    if name.startswith(("http://", "https://")):
        return f"an address on the web; download it first, e.g. curl -LO {shlex.quote(name)}"
    return None


def _problem(path: Path) -> str | None:
    """Say what keeps a path from being read as a file; pipes and devices are never opened."""
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    return None if stat.S_ISREG(status.st_mode) else KINDS.get(stat.S_IFMT(status.st_mode), "no file")


def _some(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(shown(name) for name in names[:most]) + more
