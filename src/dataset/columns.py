"""Which column of a table is which: the files, the labels, the parts."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from src.dataset.dataset import DatasetError
from src.dataset.layout import part_of, some
from src.dataset.pixel_columns import named, pixel_columns
from src.dataset.tabular import FILES, LABELS, Tabular, plain
from src.dataset.walk import is_image_name, shown

SPLITS = ("split", "splits", "subset", "partition", "fold", "folds", "kfold")  # parts, and nothing else
# Words of a column of numbers of folds: cv_fold, kfold_id, fold5.
FOLDS = ("fold", "folds", "kfold", "kfolds", "cvfold", "cvfolds")
OF_FOLDS = ("cv", "k", "id", "no", "nr", "num", "number", "index", "idx", "group", "stratified", "val", "validation")
FOLDER = "its folder"  # the label of a file in a list of nothing but files
MOST_FOLDS = 50
LISTED = 20  # columns that a message names
MOST_WORDS = 20  # ways to write a part in one column: train, Train and so on
NO_SPLIT = "none"  # typed as the name of the column of parts
TRUTH = {**dict.fromkeys(("true", "1", "1.0", "yes"), True), **dict.fromkeys(("false", "0", "0.0", "no"), False)}


class Columns(NamedTuple):
    """The columns of a table.

    Attributes:
        file: of the files.
        label: of the labels; or what to call `classes`; or `FOLDER`.
        split: of the parts, if there is one.
        embedded: whether the first holds the files' bytes.
        classes: the columns of a class each, with 1 in the rows of that class and 0 in the others.
        left: all others.
        pixels: the columns of the pixels, where the table itself holds the images so.
        folds: what the column of parts says of each fold, in their order, where it says in which one a row validates.
    """

    file: str
    label: str
    split: str | None
    embedded: bool
    classes: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    folds: tuple[str, ...] = ()
    pixels: tuple[str, ...] = ()


def columns(
    table: Tabular, file: str | None, label: str | None, split: str | None, folds: int | None = None
) -> Columns:
    """Return which column is which, those that are not given by their usual names or what they hold.

    Args:
        table: it.
        file, label, split: the names that are given; `none` for `split` takes no column for it.
        folds: into how many the images are to be split, if into several.

    Raises:
        DatasetError: One is not there, or cannot be told.
    """
    names = table.names
    twice = sorted({name for name in names if names.count(name) > 1})
    usual = (*FILES, *LABELS, *SPLITS)
    if asked := [name for name in twice if name in (file, label, split) or plain(name) in usual]:
        raise DatasetError(
            f"{shown(table.path)} must have one column of each name, got {some(asked)} twice; rename one"
        )
    no_split = split == NO_SPLIT and NO_SPLIT not in names
    split = None if no_split else split
    problems = [
        f"`dataset.{key}_column` must be one of {', '.join(map(shown, names))}, got {given}"
        for key, given in (("file", file), ("label", label), ("split", split))
        if given is not None and given not in names
    ]
    if problems:
        raise DatasetError("\n".join(problems))
    left = [name for name in names if name not in (file, label, split, *twice)]
    split = split or (None if no_split else _split(table, left, folds))
    numbers = folds_in([table], split) if split is not None and folds is not None else ()
    left = [name for name in left if name != split]
    pixels = pixel_columns(table, left) if file is None and not any(_holds_names(table, name) for name in left) else ()
    left = [name for name in left if name not in pixels]
    file = (
        file
        or (named(pixels) if pixels else None)
        or next((name for name in left if _holds_names(table, name)), None)
        or _called(left, FILES)
    )
    if file is None and not table.has_header:  # names without endings
        file = next((name for name in left if _is_text(table, name)), None)
    left = [name for name in left if name != file]
    if label is None and not left and file is not None and not pixels and _have_folders(table, file):
        label = FOLDER
    label = label or _called(left, LABELS) or (left[0] if len(left) == 1 else None)
    flags = [name for name in left if _is_flag(table, name)] if label is None else []
    classes = tuple(name for name in flags if table.column(name).any()) if _are_one_hot(table, flags) else ()
    label = label or (some([*classes]) if classes else None)
    for key, found in (("file", file), ("label", label)):
        if found is None:
            raise DatasetError(_unknown(table, key, flags))
    assert file and label
    left = [name for name in (*left, *twice) if name not in (label, *classes) and name.strip()]
    embedded = bool(pixels) or table.holds_bytes(file)
    return Columns(file, label, split, embedded, classes, tuple(left), numbers, pixels)


def _unknown(table: Tabular, key: str, flags: Sequence[str]) -> str:
    listed = some(table.names, LISTED)
    header = "" if table.is_parquet else "; if its first row is no header, write one above it, e.g. image,label"
    if key == "label" and len(flags) > 1:
        header = (
            f"; {some([*flags])} hold 0 and 1, but not a single 1 in each row: if they are the classes, write one "
            "column of labels in their place, for images of several classes are not taken"
        )
    return (
        f"`dataset.{key}_column` must be one of the columns of {shown(table.path.name)}, {listed}, got null, "
        f"and none has a usual name; type dataset.{key}_column= and its name{header}"
    )


def parts_in(table: Tabular, column: str) -> dict[str, str]:
    """Return which part each value of a column says, as far as that can be told: words, or yes and no of one part."""
    values = {value for value in table.column(column, as_text=True).tolist() if value}
    named = part_of(re.sub("(?i)^is[^a-z]*", "", column))
    if named not in (None, "train") and values <= {value for value in values if value.lower() in TRUTH}:
        return {value: named if TRUTH[value.lower()] else "train" for value in values}
    return {value: part for value in values if (part := part_of(value))}


def folds_in(tables: Sequence[Tabular], column: str) -> tuple[str, ...]:
    """Return the numbers of folds in a column, as they are written, in their order; none where it holds others.

    It may say `test` of the rows that are in no fold.
    """
    values = {value for table in tables for value in table.column(column, as_text=True).tolist()}
    numbers = {value for value in values if value and re.fullmatch(r"\d+(\.0)?", value)}
    others = {part_of(value or "") for value in values - numbers}
    return tuple(sorted(numbers, key=float)) if 2 <= len(numbers) <= MOST_FOLDS and others <= {"test"} else ()


def check_folds(which: Columns, folds: int | None) -> None:
    """Refuse another number of folds than a column has.

    Raises:
        DatasetError: It has another.
    """
    if folds != len(which.folds):
        raise DatasetError(
            f"`dataset.folds` must be {len(which.folds)}, the folds in column {shown(which.split or '')}, got {folds}; "
            f"type dataset.folds={len(which.folds)}, or dataset.split_column={NO_SPLIT} to split the rows anew"
        )


def check_parts(table: Tabular, column: str) -> None:
    """Refuse a column of parts that does not say the part of each row.

    Raises:
        DatasetError: It does not.
    """
    values = {value or "nothing" for value in table.column(column, as_text=True).tolist()}
    if odd := sorted(values - {*parts_in(table, column)}):
        numbers = folds_in([table], column)
        typed = "" if plain(column) in SPLITS or _holds_folds(table, column) else f"dataset.split_column={column} "
        each = f"type {typed}dataset.folds={len(numbers)} to validate by each of these in turn, or " if numbers else ""
        raise DatasetError(
            f"`dataset.split_column`: column {shown(column)} must say train, validation or test in each row, got "
            f"{some(odd)}; {each}write these words in it, or type dataset.split_column={NO_SPLIT}, and "
            "dataset.validation_fraction splits the rows"
        )


def _split(table: Tabular, names: Sequence[str], folds: int | None) -> str | None:
    """Return the column of parts, if there is one: by its name, or since it holds nothing but the words for parts.

    Raises:
        DatasetError: One says so by its name and not by what it holds, or there are several.
    """
    named = [
        name
        for name in names
        if plain(name) in SPLITS
        or _holds_folds(table, name)
        or (plain(name)[:2] == "is" and part_of(name[2:]))
        or (part_of(name) and _called(names, LABELS) and _is_flag(table, name))
    ]
    words = [name for name in names if name not in named and plain(name) not in LABELS and _holds_words(table, name)]
    said = [name for name in named if _says_parts(table, name)] or [name for name in words if _says_parts(table, name)]
    if len(said) > 1:
        raise DatasetError(
            f"`dataset.split_column` must be the one column that says train, validation or test, got null, and "
            f"{some(said)} all do; type dataset.split_column={said[0]}, or write one column of these words"
        )
    for name in named if not said else ():
        if folds is not None and _holds_folds(table, name):
            return name
        check_parts(table, name)
    return said[0] if said else None


def _holds_folds(table: Tabular, column: str) -> bool:
    """Tell whether a column says by its name and what it holds that it is one of folds; `fold_change` is none."""
    words = {word.lower() for word in re.findall("[A-Z]+(?![a-z])|[A-Z]?[a-z]+", column)}
    is_called_so = bool(words & {*FOLDS}) and words <= {*FOLDS, *OF_FOLDS}
    return is_called_so and not table.holds_bytes(column) and folds_in([table], column) != ()


def _is_text(table: Tabular, column: str) -> bool:
    kind = str(table.schema.field(column).type)  # or a dictionary of texts, pandas's categories
    return kind.removeprefix("dictionary<values=").removeprefix("large_").startswith("string")


def _have_folders(table: Tabular, column: str) -> bool:
    """Tell whether all files of a column are named with the folder that they lie in."""
    return _is_text(table, column) and all("/" in (name or "") for name in table.column(column, as_text=True).tolist())


def _says_parts(table: Tabular, column: str) -> bool:
    values = {value for value in table.column(column, as_text=True).tolist() if value}
    return bool(values) and values <= {*parts_in(table, column)}


def _holds_words(table: Tabular, column: str) -> bool:
    """Tell whether a column's texts are words for parts, the training part and another."""
    if not _is_text(table, column):
        return False
    values = {value for value in table.column(column).tolist() if value}
    return len(values) <= MOST_WORDS and {"train", None} < {None, *map(part_of, values)}


def _called(names: Sequence[str], usual: Sequence[str]) -> str | None:
    called = {plain(name): name for name in reversed(names)}
    return next((called[name] for name in usual if name in called), None)


def _holds_names(table: Tabular, column: str) -> bool:
    """Tell whether a column holds files, by its type or its first value."""
    if table.holds_bytes(column):
        return True
    kind = str(table.schema.field(column).type)
    if "string" not in kind:
        return False
    first = next((value for value in table.column(column, as_text=True).tolist() if value), "")
    return is_image_name(first)


def _is_flag(table: Tabular, column: str) -> bool:
    """Tell whether a column holds nothing but 0 and 1."""
    if table.holds_bytes(column):
        return False
    values = table.column(column)
    return values.dtype.kind in "biuf" and bool(np.isin(values, (0, 1)).all())


def _are_one_hot(table: Tabular, flags: Sequence[str]) -> bool:
    return len(flags) > 1 and bool((np.sum([table.column(name).astype(int) for name in flags], axis=0) == 1).all())


def labels_in(table: Tabular, which: Columns) -> list[object]:
    """Return the label of each row.

    Raises:
        DatasetError: Columns of a class each have not one 1 in each row.
    """
    if which.label == FOLDER:
        return [name.strip("/").split("/")[-2] for name in table.column(which.file, as_text=True).tolist()]
    if not which.classes:
        labels = table.column(which.label).tolist()
        lists = [label for label in labels if isinstance(label, list | np.ndarray)]
        if any(len(label) != 1 for label in lists):
            raise DatasetError(
                f"column {shown(which.label)} of {shown(table.path.name)} must have one label in each row, got lists "
                "of several or none; images of several classes are not taken"
            )
        return [label[0] for label in lists] if len(lists) == len(labels) else labels
    if not all(_is_flag(table, name) for name in which.classes) or not _are_one_hot(table, which.classes):
        raise DatasetError(
            f"{shown(table.path)} must have a single 1, and else 0, in the columns {which.label} of each row, as the "
            "first table has; write one column of labels in their place"
        )
    ones = np.stack([table.column(name).astype(int) for name in which.classes])
    return [which.classes[i] for i in ones.argmax(axis=0)]
