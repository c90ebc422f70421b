"""Your own table of files and labels: CSV, Parquet or JSON Lines, the files beside it, or their bytes inside."""

import functools
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from src.config.dataset import DatasetConfig, TableConfig
from src.dataset import cache, images
from src.dataset.columns import (
    FOLDER,
    NO_SPLIT,
    Columns,
    check_folds,
    check_parts,
    columns,
    folds_in,
    labels_in,
    parts_in,
)
from src.dataset.dataset import DatasetError
from src.dataset.images import Listing
from src.dataset.labels import number
from src.dataset.layout import OF_LISTS, part_of, parts_of, some
from src.dataset.pixel_columns import images_in
from src.dataset.source import PARTS, Source
from src.dataset.tabular import CSV, JSONL, PARQUET, TEXT, Tabular
from src.dataset.walk import File, is_image_name, is_submission, shown, walk

NAMED = 3  # missing files that the message names


@dataclass
class Part:
    """The rows of a part: their labels, their number in all tables together, and their files if they lie outside.

    `folds` are the numbers from 0 of those in which they validate, where a column says them.
    """

    labels: list[Any] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    folds: list[int] = field(default_factory=list)


def find(config: DatasetConfig, folder: Path) -> Source:
    """Read a table's labels and look for its files; they are decoded when the source is built.

    Args:
        config: `path`, a table, or a folder of tables whose names begin with their part
            (`train-00000-of-00002.parquet`, `test.csv`); `file_column`, `label_column`, `split_column`; `image_size` as
            [height, width] or None; `fit`.
        folder: the cache.

    Raises:
        DatasetError: No table, column, file or label, or one of several meanings; the message says what was seen.
    """
    assert isinstance(config, TableConfig) and config.path is not None  # `check` has refused it
    place = Path(config.path).expanduser().resolve()
    root = place if place.is_dir() else place.parent
    if root.name.lower() in OF_LISTS and not any(is_image_name(file.path) for file in walk(root).files):
        root = root.parent  # the images lie beside the folder of the lists
    tables, notes = _tables(place)
    folds = config.folds if config.splits > 1 else None
    which = columns(tables[0][0], config.file_column, config.label_column, config.split_column, folds)
    tables = [(table, part) for table, part in tables if _has_labels(table, which, part, notes)]
    if which.folds and which.split:
        having = [table for table, part in tables if part in (None, "train") and which.split in table.names]
        which = which._replace(folds=folds_in(having, which.split))
        check_folds(which, folds)
    by_folder = which.split is None and config.split_column != NO_SPLIT and all(part is None for _, part in tables)
    parts, found = _read(tables, which, root, by_folder, notes)
    _leave_unlabelled(parts, notes)
    called = "the folders of the files" if which.label == FOLDER else f"column {shown(which.label)}"
    labels, class_names = number(
        {part: _as_array(rows.labels) for part, rows in parts.items()},
        tables[0][0].class_names(which.label),
        {part: f"{called} ({part} part)" for part in parts},
    )
    size, fit = config.image_size, config.fit
    states = [[table.path.name, table.path.stat().st_size, table.path.stat().st_mtime_ns] for table, _ in tables]
    key = ["table", str(place), size, fit, list(which), by_folder, class_names, states, [[*file] for file in found]]
    if not tables[0][0].has_header:
        notes.append(f"{shown(tables[0][0].path.name)} has no header: its columns are {some(tables[0][0].names)}")
    notes.append(
        f"{shown(which.label)} {'are the classes' if which.classes else 'is the label'}, "
        f"{shown(which.file)} the {'pixels' if which.pixels else 'image' if which.embedded else 'file'}"
        + (f", {shown(which.split)} the {'fold' if which.folds else 'part'}" if which.split else "")
        + (f"; {some([*which.left])} left alone" if which.left else "")
    )
    if which.pixels and size is not None:
        notes.append("dataset.image_size=null leaves the images as small as they are")

    def build(into: Path) -> dict[str, Any]:
        places = _spooled([table for table, _ in tables], which, into / "bytes") if which.embedded else {}
        listings = {}
        for part, rows in parts.items():
            names = [places[row][0] for row in rows.rows] if places else [_short(file, root) for file in rows.files]
            where = [places[row][1] for row in rows.rows] if places else rows.files
            listings[part] = Listing(names, where, labels[part], _folds(rows)).mixed()
        meta = images.build(into, listings, class_names, size, fit, {})
        (into / "bytes").unlink(missing_ok=True)
        return meta

    return Source(key, build, notes, class_names=class_names, labels=labels, folds=_folds(parts["train"]))


def _folds(rows: Part) -> np.ndarray | None:
    return np.array(rows.folds, np.int32) if rows.folds else None


def _tables(place: Path) -> tuple[list[tuple[Tabular, str | None]], list[str]]:
    """Return the tables with the part that their names say, training first, and notes."""
    if place.is_file():
        return [(Tabular(place), None)], []
    files = [file.path for file in walk(place).files]
    kinds = [[file for file in files if file.lower().endswith(kind)] for kind in (PARQUET, CSV[:2], JSONL)]
    kinds += [[file for file in files if file.lower().endswith(TEXT) and part_of(Path(file).stem)]]  # train.txt
    files = [Path(file) for file in next(filter(None, kinds), [])]
    if not files:
        raise DatasetError(f"`dataset.path` must hold a .csv, .parquet or .jsonl table, got none in {shown(place)}")
    labelled = [file for file in files if not is_submission(file.name)]
    samples = [shown(file.name) for file in files if file not in labelled] if labelled else []
    notes = [f"{', '.join(samples)} left alone"] if samples else []
    files = labelled or files
    alike = parts_of([file.stem for file in files])
    called = {
        file: part_of(file.stem.partition("-")[0]) or part_of(file.parent.name) or alike.get(file.stem)
        for file in files
    }
    if len(files) == 1 or (kinds[0] and not any(called.values())):
        return [(Tabular(file), None) for file in files], notes
    if "train" not in called.values():
        listed = ", ".join(shown(file.name) for file in files[:5])
        raise DatasetError(
            f"`dataset.path` must hold a table whose name begins with train, got {listed} in {shown(place)}; "
            "type dataset.path= and the table"
        )
    others = [shown(file.name) for file in files if not called[file]]
    notes += [f"{', '.join(others)} left alone"] if others else []
    ordered = sorted((file for file in files if called[file]), key=lambda file: (PARTS.index(called[file] or ""), file))
    return [(Tabular(file), called[file]) for file in ordered], notes


def _has_labels(table: Tabular, which: Columns, part: str | None, notes: list[str]) -> bool:
    needed = [*(which.pixels or [which.file]), *(which.classes or [which.label] if which.label != FOLDER else [])]
    missing = next((name for name in needed if name not in table.names), None)
    if missing is None:
        return True
    if part in (None, "train"):
        raise DatasetError(
            f"{shown(table.path)} must have a column {missing} as the first table has; got {table.names}"
        )
    notes.append(f"{shown(table.path.name)} is left alone: it has no column {shown(missing)}")
    return False


def _read(
    tables: list[tuple[Tabular, str | None]], which: Columns, root: Path, by_folder: bool, notes: list[str]
) -> tuple[dict[str, Part], list[File]]:
    """Return the rows of each part, and the state of each file outside of the tables.

    `by_folder` takes the parts from the folders of the files, where these are called so.
    """
    parts: dict[str, Part] = {}
    files, missing, row, spaced = _Files(root), [], 0, 0
    states: list[File] = []
    for table, part in tables:
        near = str(table.path.parent)
        labels, around = _stripped(labels_in(table, which))
        spaced += around
        splits, numbers = _splits(table, which, part or "train", len(labels))
        names = None if which.embedded else table.column(which.file, as_text=True).tolist()
        places = [files.find(name, near, named) for name, named in zip(names, splits, strict=True)] if names else []
        if files.has_twins:  # of one name in train/ and in test/, a lone one in test/ is another image
            places = [
                None if file and files.is_others(file, named) else file
                for file, named in zip(places, splits, strict=True)
            ]
        missing += [name for name, file in zip(names or (), places, strict=True) if file is None]
        if by_folder and None not in places:
            splits = _by_folder([files.part(file) for file in places if file], splits, table, notes)
        for i, (label, named) in enumerate(zip(labels, splits, strict=True)):
            rows = parts.setdefault(named, Part())
            if places and (file := places[i]):
                rows.files.append(file.path)
                states.append(file)
            rows.labels.append(label)
            rows.rows.append(row + i)
            if named == "train" and numbers:
                rows.folds.append(numbers[i])
        row += len(labels)
    if spaced:
        notes.append(f"spaces around {spaced:,} labels are left out")
    if files.several:
        name, found = next(iter(files.several.items()))
        one, other = (_short(file.path, root) for file in found[:2])
        raise DatasetError(
            f"{shown(tables[0][0].path.name)} must say which files it names, got {len(files.several):,} names of "
            f"several files, the first {shown(name)}, which is {one} as well as {other}; write the folder and the "
            f"ending, too, or take the other files out of {shown(root)}"
        )
    if missing:
        listed = ", ".join(shown(str(name)) for name in missing[:NAMED])
        raise DatasetError(
            f"{len(missing)} of the {row} files that {shown(tables[0][0].path.name)} names are missing, the first "
            f"{listed}; they are looked for in {shown(root)} and below: put them there, or take the rows out"
        )
    if "train" not in parts:
        raise DatasetError(
            f"{shown(tables[0][0].path)} must have rows of the training part, got {', '.join(parts) or 'no rows'}"
        )
    return {part: parts[part] for part in PARTS if part in parts}, states


def _splits(table: Tabular, which: Columns, default: str, count: int) -> tuple[list[str], list[int]]:
    """Return the part of each row, and its fold where those are in the column, -1 of a test row."""
    column = which.split
    if column is None or column not in table.names:
        return [default] * count, []
    if which.folds and default == "train":
        place = {value: number for number, value in enumerate(which.folds)}
        folds = [place.get(value, -1) for value in table.column(column, as_text=True).tolist()]
        return ["test" if fold < 0 else "train" for fold in folds], folds
    check_parts(table, column)
    said = parts_in(table, column)
    return [said[value] for value in table.column(column, as_text=True).tolist()], []


def _by_folder(folders: list[str | None], otherwise: list[str], table: Tabular, notes: list[str]) -> list[str]:
    """Return the part of each row by its file's folder, or `otherwise` where no several parts have folders.

    Raises:
        DatasetError: Some files are in folders of parts, and others in none.
    """
    said = sorted({part for part in folders if part}, key=PARTS.index)
    if "train" not in said or len(said) < 2:
        return otherwise
    if count := folders.count(None):
        raise DatasetError(
            f"{shown(table.path.name)} names files in folders of the parts {', '.join(said)}, and {count:,} files in "
            "others: nothing says of which part these are; write a column `split` that says train, validation or test, "
            f"or type dataset.split_column={NO_SPLIT}, and dataset.validation_fraction splits the rows"
        )
    notes.append(f"the folders of the files are the parts: {', '.join(said)}")
    return [part or "" for part in folders]


def _stripped(labels: list[Any]) -> tuple[list[Any], int]:
    """Return labels without the spaces around them, and how many had any."""
    plain = [label.strip() if isinstance(label, str) else label for label in labels]
    return plain, sum(
        len(label) < len(given) for label, given in zip(plain, labels, strict=True) if isinstance(label, str)
    )


def _leave_unlabelled(parts: dict[str, Part], notes: list[str]) -> None:
    """Drop parts without labels: none, or -1 as Hugging Face has it."""
    for part in [part for part in parts if part != "train"]:
        if all(label in (None, "", -1) for label in parts[part].labels):
            notes.append(f"the {part} part is left alone: it has no labels")
            del parts[part]


def _as_array(labels: list[Any]) -> np.ndarray:
    if all(isinstance(label, int | float) and label == label for label in labels):
        return np.array(labels)
    return np.array([None if label == "" else label for label in labels] + [None], object)[:-1]


class _Files:
    """Finds files by what a table calls them: a path, or only a name, with or without its ending, in any folder.

    Attributes:
        several: the files that a name may mean, by the name, where nothing says which.
        lone: the only files of their names, which were not where the table says.
        has_twins: whether there were others of one name, in the folders of several parts.
    """

    def __init__(self, root: Path) -> None:
        self.lone: set[str] = set()
        self.has_twins = False
        self.several: dict[str, list[File]] = {}
        self._root = str(root)  # joined quickly

    def find(self, name: str | None, near: str, part: str) -> File | None:
        """Look for a file beside the table, `near`, then from the root, then anywhere below it.

        Of several files of one name, that in a folder of the `part` is meant.
        """
        several: list[File] = []
        for called in {name: None, name.strip(): None} if name and name.strip() else ():
            relative = os.path.expanduser(called.replace("\\", "/"))
            for start in (near, self._root) if near != self._root else (near,):
                given = os.path.normpath(os.path.join(start, relative))
                try:
                    status = os.stat(given)
                except (OSError, ValueError):  # not there, or no path at all
                    continue
                if stat.S_ISREG(status.st_mode):
                    return File(given, status.st_size, status.st_mtime_ns)
            found = self._anywhere(os.path.normpath(os.path.join(self._root, relative)))
            if len(found) == 1:
                self.lone.add(found[0].path)
            for meant in (part, "train") if part == "validation" else (part,):  # which is a part of the training images
                if len(found) > 1:
                    found = [file for file in found if self.part(file) == meant] or found
                    self.has_twins |= len(found) == 1
            if len(found) == 1:
                return found[0]
            several = several or found
        if several:
            self.several[name or ""] = several
        return several[0] if several else None

    def is_others(self, file: File, part: str) -> bool:
        """Tell whether a file that is the only one of its name lies in the folder of another part."""
        return file.path in self.lone and self.part(file) not in (None, part, "train")

    def part(self, file: File) -> str | None:
        """Return the part that the folders of a file say."""
        return self._part(os.path.dirname(file.path))

    @functools.cache  # noqa: B019 - it lives as long as a table is read
    def _part(self, folder: str) -> str | None:
        inside = os.path.relpath(folder, self._root).split(os.sep)
        return next((part for name in inside if (part := part_of(name))), None)

    def _anywhere(self, given: str) -> list[File]:
        stem = given if is_image_name(given) else f"{given}."
        near = self._by_name.get(os.path.basename(given), [])
        # Of files with one name in several folders, that which has the folders that the table names.
        ends = stem.removeprefix(f"{self._root}{os.sep}")
        exact = [file for file in near if f"{os.sep}{ends}" in f"{os.sep}{file.path}"]
        return exact or near

    @functools.cached_property
    def _by_name(self) -> dict[str, list[File]]:
        """All files below the root, by name and by name without ending."""
        index: dict[str, list[File]] = {}
        for file in walk(Path(self._root)).files:
            if is_image_name(file.path):
                name = os.path.basename(file.path)
                index.setdefault(name, []).append(file)
                index.setdefault(os.path.splitext(name)[0], []).append(file)
        return index


def _short(file: str, root: Path) -> str:
    return shown(file.removeprefix(f"{root}/"))


def _spooled(tables: list[Tabular], which: Columns, path: Path) -> dict[int, tuple[str, Any]]:
    """Write the bytes of all rows into one file; return the name and the place of each row's."""
    places: dict[int, tuple[str, Any]] = {}
    with cache.writing(path.parent.parent), open(path, "wb") as file:
        for row, (content, name) in enumerate(_rows(tables, which)):
            content = content or b""
            places[row] = (shown(name or f"row {row}"), [str(path), file.tell(), len(content)])
            file.write(content)
    return places


def _rows(tables: list[Tabular], which: Columns) -> Iterator[tuple[bytes | None, str | None]]:
    for table in tables:
        yield from images_in(table, which.pixels) if which.pixels else table.images(which.file)
