"""Tables as files: CSV and Parquet, read column by column, and which column is which."""

import csv
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from src.dataset.dataset import DatasetError
from src.dataset.layout import part_of
from src.dataset.walk import is_image_name, shown

if TYPE_CHECKING:
    import pyarrow as pa

CSV, PARQUET = (".csv", ".tsv", ".txt"), (".parquet", ".pq")
# Usual names of columns, without capitals and signs; earlier ones are preferred.
FILES = (
    "image", "img", "file", "filename", "filepath", "path", "imagepath", "imagefile", "imagefilename", "imagename",
    "imgpath", "imgname", "imageid", "images", "jpg", "png", "idcode", "id", "name",
)  # fmt: skip
LABELS = (
    "label", "labels", "class", "classname", "classlabel", "category", "target", "y", "species", "breed", "diagnosis",
    "finelabel", "labelname", "classid", "labelid", "tag",
)  # fmt: skip
SPLITS = ("split", "set", "subset", "part", "partition", "dataset", "usage")


class Columns(NamedTuple):
    """The columns of files, labels and, if there is one, parts; and whether the first holds the files' bytes."""

    file: str
    label: str
    split: str | None
    embedded: bool


class Tabular:
    """One table file.

    Raises:
        DatasetError: It cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_parquet = path.suffix.lower() in PARQUET
        try:
            self.schema: pa.Schema = self._parquet().schema_arrow if self.is_parquet else self._csv([]).schema
        except Exception as error:  # of pyarrow's many
            raise DatasetError(f"{shown(path)} is not a readable table: {' '.join(str(error).split())}") from error

    @property
    def names(self) -> list[str]:
        """The names of its columns."""
        return list(self.schema.names)

    def column(self, name: str, as_text: bool = False) -> np.ndarray:
        """Return a column, as Python's own texts if asked for; None where a value is missing."""
        table: Any = self._parquet().read(columns=[name]) if self.is_parquet else self._csv([name] if as_text else [])
        column = table.column(name)
        values = column.to_pylist()
        if as_text:
            return np.array([None if value is None else str(value) for value in values], object)
        return column.to_numpy() if column.null_count == 0 else np.array(values, object)

    def images(self, column: str) -> Iterator[tuple[bytes | None, str | None]]:
        """Yield the bytes and the path of each row of a column that holds files; either may be missing."""
        for batch in self._parquet().iter_batches(batch_size=256, columns=[column]):
            for value in batch.column(0).to_pylist():
                yield (value.get("bytes"), value.get("path")) if isinstance(value, dict) else (value, None)

    def holds_bytes(self, column: str) -> bool:
        """Tell whether a column holds the bytes of files, as those of Hugging Face's image datasets do."""
        import pyarrow as pa

        kind = self.schema.field(column).type
        if pa.types.is_struct(kind):
            return kind.get_field_index("bytes") >= 0
        return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)

    def class_names(self, column: str) -> list[str] | None:
        """Return the names of the numbers in a column, where Hugging Face's metadata has them."""
        try:
            features = json.loads((self.schema.metadata or {})[b"huggingface"])["info"]["features"]
            return [str(name) for name in features[column]["names"]]
        except (KeyError, TypeError, ValueError):
            return None

    def _parquet(self) -> Any:
        from pyarrow import parquet  # half a second, for tables alone

        return parquet.ParquetFile(self.path)

    def _csv(self, as_text: Sequence[str]) -> "pa.Table":
        import pyarrow as pa
        from pyarrow import csv as arrow

        head = self.path.read_bytes()[:65536]
        encoding = "utf8" if _is_utf8(head) else "latin1"
        first = head.decode(encoding, errors="replace").partition("\n")[0]
        try:
            delimiter = csv.Sniffer().sniff(first, ",;\t|").delimiter
        except csv.Error:  # a single column
            delimiter = ","
        return arrow.read_csv(
            self.path,
            arrow.ReadOptions(encoding=encoding),
            arrow.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            arrow.ConvertOptions(column_types={name: pa.string() for name in as_text}),
        )


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return error.start > len(content) - 4  # cut within a character
    return True


def columns(table: Tabular, file: str | None, label: str | None, split: str | None) -> Columns:
    """Return which column is which, those that are not given by their usual names.

    Raises:
        DatasetError: One is not there, or cannot be told.
    """
    names = table.names
    problems = [
        f"`dataset.{key}_column` must be one of {', '.join(map(shown, names))}, got {given}"
        for key, given in (("file", file), ("label", label), ("split", split))
        if given is not None and given not in names
    ]
    if problems:
        raise DatasetError("\n".join(problems))
    left = [name for name in names if name not in (file, label, split)]
    split = split or _called(left, SPLITS)
    if split in left and not _are_parts(table, split):
        split = None
    left = [name for name in left if name != split]
    file = file or next((name for name in left if _holds_names(table, name)), None) or _called(left, FILES)
    left = [name for name in left if name != file]
    label = label or _called(left, LABELS) or (left[0] if len(left) == 1 else None)
    for key, found in (("file", file), ("label", label)):
        if found is None:
            listed = ", ".join(map(shown, names))
            raise DatasetError(
                f"`dataset.{key}_column` must be one of the columns of {shown(table.path.name)}, {listed}, got null, "
                f"and none has a usual name; type dataset.{key}_column= and its name"
            )
    assert file and label
    return Columns(file, label, split, table.holds_bytes(file))


def _called(names: Sequence[str], usual: Sequence[str]) -> str | None:
    plain = {re.sub("[^a-z0-9]", "", name.lower()): name for name in reversed(names)}
    return next((plain[name] for name in usual if name in plain), None)


def _are_parts(table: Tabular, column: str) -> bool:
    values = {value for value in table.column(column, as_text=True).tolist() if value}
    return bool(values) and all(part_of(value) for value in values)


def _holds_names(table: Tabular, column: str) -> bool:
    """Tell whether a column holds files, by its type or its first value."""
    if table.holds_bytes(column):
        return True
    kind = str(table.schema.field(column).type)
    if "string" not in kind:
        return False
    first = next((value for value in table.column(column, as_text=True).tolist() if value), "")
    return is_image_name(first)
