"""Tables that hold the images themselves: a column a pixel, or one of texts with all pixels of a row."""

import math
import re
from collections.abc import Iterator, Sequence

import numpy as np

from src.dataset.dataset import DatasetError
from src.dataset.tabular import Tabular, plain
from src.dataset.walk import shown

FEWEST = 64  # pixels, of 8 x 8
NUMBERED = re.compile(r"(?i)(pixel|pix|px|p|x|feature|f|v|attr)?[ _-]?\d+([x._-]\d+)?")  # pixel0, 1x1, 783
TEXTS = ("pixels", "pixel", "pixelvalues", "image", "img")
NUMBERS = re.compile(r"[\s,;\[\]]+")  # between those of a text
ROWS = 1000  # at a time, so that a large table needs no second place in memory


def pixel_columns(table: Tabular, names: Sequence[str]) -> tuple[str, ...]:
    """Return those of the columns that are pixels, in their order; none where they do not make a square image.

    Of 64 and more columns of numbers that are called by numbers, all are meant, or all but one that is the label: the
    first one, or the last where the first holds a single value.
    """
    for name in names:
        if plain(name) in TEXTS and str(table.schema.field(name).type).removeprefix("large_") == "string":
            first = next((value for value in table.column(name, as_text=True).tolist() if value), "")
            if shape_of(len(found := _split(first))) and all(value.isdigit() for value in found):
                return (name,)
    numbered = [name for name in names if NUMBERED.fullmatch(name) and _is_numeric(table, name)]
    if shape_of(len(numbered)) is None and shape_of(len(numbered) - 1) is not None:
        constant = len(np.unique(table.column(numbered[0]))) < 2
        numbered = numbered[:-1] if constant else numbered[1:]
    return tuple(numbered) if shape_of(len(numbered)) is not None else ()


def shape_of(count: int) -> tuple[int, ...] | None:
    """Return the height and width of so many pixels, and 3 where they are colours; None where they make no square."""
    for colours in (1, 3):
        side = math.isqrt(max(count, 0) // colours)
        if count >= FEWEST and side * side * colours == count:
            return (side, side) if colours == 1 else (side, side, colours)
    return None


def images_in(table: Tabular, columns: Sequence[str]) -> Iterator[tuple[bytes, None]]:
    """Yield each row as the bytes of a file, as Netpbm has them: uncompressed, so that nothing is lost.

    Raises:
        DatasetError: Other values than whole numbers from 0 to 255, or another number of them.
    """
    if len(columns) == 1:
        texts = [_split(text or "") for text in table.column(columns[0], as_text=True).tolist()]
        if odd := [row for row, found in enumerate(texts) if len(found) != len(texts[0])]:
            raise DatasetError(
                f"column {shown(columns[0])} of {shown(table.path.name)} must have as many pixels in each row, got "
                f"{len(texts[0])} in the first and {len(texts[odd[0]])} in row {odd[0] + 1}"
            )
        rows: np.ndarray | list[list[str]] = texts
        count = len(texts[0]) if texts else 0
    else:
        rows, count = np.stack([table.column(name) for name in columns], axis=1), len(columns)
    shape = shape_of(count) or ()
    head = f"P{'6' if len(shape) == 3 else '5'} {shape[1]} {shape[0]} 255\n".encode() if shape else b""
    for start in range(0, len(rows), ROWS):
        try:
            values = np.array(rows[start : start + ROWS], np.float64)
        except (TypeError, ValueError) as error:
            raise DatasetError(_refused(table, columns, "a text, or nothing")) from error
        if not ((values >= 0) & (values <= 255) & (values == np.floor(values))).all():
            odd = values[~((values >= 0) & (values <= 255) & (values == np.floor(values)))][0]
            raise DatasetError(_refused(table, columns, f"{odd:g}"))
        for pixels in values.astype(np.uint8):
            yield head + pixels.tobytes(), None


def _refused(table: Tabular, columns: Sequence[str], got: str) -> str:
    return (
        f"{shown(table.path.name)} must have pixels that are whole numbers from 0 to 255 in {named(columns)}, got "
        f"{got}; multiply those from 0 to 1 by 255, or read the table in a function of your own, dataset=custom"
    )


def named(columns: Sequence[str]) -> str:
    """Return what the columns are called together."""
    return shown(columns[0]) if len(columns) == 1 else f"{shown(columns[0])} to {shown(columns[-1])}"


def _split(text: str) -> list[str]:
    return NUMBERS.sub(" ", text).split()


def _is_numeric(table: Tabular, name: str) -> bool:
    return str(table.schema.field(name).type).startswith(("int", "uint", "float", "double", "halffloat"))
