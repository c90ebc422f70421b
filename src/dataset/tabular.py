"""Tables as files: CSV, Parquet and JSON Lines, read column by column."""

import csv
import functools
import gzip
import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from src.dataset.array_files import MANY
from src.dataset.dataset import DatasetError
from src.dataset.walk import is_image_name, shown

if TYPE_CHECKING:
    import pyarrow as pa

CSV, PARQUET, JSONL = (".csv", ".tsv", ".txt"), (".parquet", ".pq"), (".jsonl", ".ndjson")
# Usual names of columns, without capitals and signs; earlier ones are preferred.
FILES = (
    "image", "img", "file", "filename", "filepath", "path", "imagepath", "imagefile", "imagefilename", "imagename",
    "imgpath", "imgname", "imageid", "images", "jpg", "png", "idcode", "id", "name",
)  # fmt: skip
LABELS = (
    "label", "labels", "class", "classname", "classlabel", "category", "target", "y", "species", "breed", "diagnosis",
    "dx", "finelabel", "labelname", "classid", "labelid", "tag",
)  # fmt: skip
MOST_NUMBERS = 64  # in a header; a first row of more is one of pixels
TEXT = ".txt"  # a list, with spaces between its columns and mostly without a header
UTF8_MARK, UTF16_MARKS = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
GZIP = b"\x1f\x8b"
NO_TABLES = {".json": "JSON of one piece", ".pkl": "a pickle", ".pickle": "a pickle", ".mat": "of MATLAB's kind"}
NO_TABLES |= {".h5": "HDF5", ".hdf5": "HDF5", ".npz": "of arrays", ".tfrecord": "TFRecord", ".feather": "Feather"}
SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # of Excel and others, new and old


def plain(name: str) -> str:
    """Return a column's name without capitals and signs."""
    return re.sub("[^a-z0-9]", "", name.lower())


class Tabular:
    """One table file.

    Raises:
        DatasetError: It cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_parquet = path.suffix.lower() in PARQUET
        self.has_header = True
        self._texts: dict[str, np.ndarray] = {}
        try:
            if not self.is_parquet and _start(path, 4) in SPREADSHEETS:
                raise ValueError("it is a spreadsheet; save it as CSV, and type dataset.path= and that file")
            if path.suffix.lower() in NO_TABLES:
                arrays = "; of images and labels, type dataset=arrays" if path.suffix.lower() in MANY else ""
                raise ValueError(f"it is {NO_TABLES[path.suffix.lower()]}; save it as CSV, or as JSON Lines{arrays}")
            self.schema: pa.Schema = self._parquet().schema_arrow if self.is_parquet else self._typed.schema
        except Exception as error:  # of pyarrow's many
            raise DatasetError(f"{shown(path)} is not a readable table: {' '.join(str(error).split())}") from error

    @property
    def names(self) -> list[str]:
        """The names of its columns."""
        return list(self.schema.names)

    def column(self, name: str, as_text: bool = False) -> np.ndarray:
        """Return a column, as Python's own texts if asked for; None where a value is missing."""
        if as_text and name in self._texts:
            return self._texts[name]
        if self.is_parquet:
            table: Any = self._parquet().read(columns=[name])
        else:  # numbers as they are written, `007` for one, where texts are wanted
            table = self._csv([name]) if as_text and not self._is_json else self._typed
        column = table.column(name)
        values = column.to_pylist()
        if as_text:
            self._texts[name] = np.array([None if value is None else str(value) for value in values], object)
            return self._texts[name]
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

    @property
    def _is_json(self) -> bool:
        return self.path.suffix.lower() in JSONL

    @functools.cached_property
    def _typed(self) -> "pa.Table":
        """The whole of a CSV or JSON Lines file."""
        if not self._is_json:
            return self._csv([])
        from pyarrow import json as arrow

        return arrow.read_json(io.BytesIO(self.path.read_bytes().removeprefix(UTF8_MARK)))

    def _csv(self, as_text: Sequence[str]) -> "pa.Table":
        import pyarrow as pa
        from pyarrow import csv as arrow

        content = self.path.read_bytes().removeprefix(UTF8_MARK)
        content = gzip.decompress(content) if content.startswith(GZIP) else content
        if content.startswith(UTF16_MARKS):  # Excel's "Unicode text", and what PowerShell writes
            content = content.decode("utf-16").encode()
        is_list = self.path.suffix.lower() == TEXT and not re.search(rb"[,;\t|]", content.partition(b"\n")[0])
        content = _list(content) if is_list else content
        head = content[:65536]
        encoding = "utf8" if _is_utf8(head) else "latin1"
        first = head.decode(encoding, errors="replace").partition("\n")[0]
        try:
            delimiter = csv.Sniffer().sniff(first, ",;\t|").delimiter
        except csv.Error:  # a single column
            delimiter = ","
        cells = next(csv.reader([first.strip()], delimiter=delimiter), [])
        named = any(plain(cell) in (*FILES, *LABELS) for cell in cells)
        numbers = len(cells) > MOST_NUMBERS and all(cell.strip().replace(".", "", 1).isdigit() for cell in cells)
        is_row = numbers or any(is_image_name(cell.strip()) for cell in cells)
        self.has_header = (named or not is_list) and not is_row
        names = None if self.has_header else [str(number) for number, _ in enumerate(cells, 1)]
        return arrow.read_csv(
            io.BytesIO(content),
            arrow.ReadOptions(encoding=encoding, column_names=names),
            arrow.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            arrow.ConvertOptions(column_types={name: pa.string() for name in as_text}),
        )


def _list(content: bytes) -> bytes:
    """Return the lines of a list without remarks, with a tab for the spaces between columns, if all have as many."""
    lines = [line for line in content.splitlines() if line.strip() and not line.startswith(b"#")]
    if len({len(line.split()) for line in lines}) == 1:
        lines = [b"\t".join(line.split()) for line in lines]
    return b"\n".join(lines)


def _start(path: Path, length: int) -> bytes:
    with open(path, "rb") as file:
        return file.read(length)


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return error.start > len(content) - 4  # cut within a character
    return True
