"""What a folder may hold besides images: links, loops, pipes, files of the system's own, names that are no text."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from src.config.dataset import ARCHIVES

# What systems, archives and notebooks leave in folders. What begins with a dot is passed over as well.
LEFT_BY_SYSTEMS = {
    "__macosx", "@eadir", "$recycle.bin", "#recycle", "@recycle", "system volume information", "lost+found",
    "__pycache__", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r",
}  # fmt: skip
ENDINGS = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm",
    ".pnm", ".jp2", ".j2k", ".avif", ".heic", ".heif",
)  # fmt: skip
DOCUMENTS = (
    ".pdf", ".txt", ".md", ".rst", ".rtf", ".doc", ".docx", ".odt", ".ppt", ".pptx", ".tex", ".html", ".htm", ".log",
    ".csv", ".tsv", ".xls", ".xlsx", ".ods", ".json", ".jsonl", ".yaml", ".yml", ".xml", ".toml", ".ini", ".cfg",
    ".py", ".ipynb", ".r", ".m", ".sh", ".db", ".parquet", ".pkl", ".h5", ".hdf5", ".keras", ".pt", ".pth", ".onnx",
)  # fmt: skip
TABLES = (".csv", ".tsv", ".parquet", ".jsonl")
KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


class File(NamedTuple):
    """A regular file: its path, its size in bytes, and when it was last written."""

    path: str
    size: int
    modified: int


class Found(NamedTuple):
    """What a folder holds: its files, sorted by path, and why others are none, by path."""

    files: list[File]
    skipped: dict[str, str]


def folders(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, links to others included, those of systems apart, sorted."""
    return sorted(item.name for item in _items(folder, {}) if _is_folder(item))


def loose_images(folder: Path) -> list[str]:
    """Return the names of what lies in a folder itself and is named like an image, sorted."""
    return sorted(item.name for item in _items(folder, {}) if is_image_name(item.name) and not _is_folder(item))


def tables_in(folder: Path) -> list[str]:
    """Return the names of the tables in a folder itself, sorted, without samples of submissions."""
    found = [item.name for item in _items(folder, {}) if item.name.lower().endswith(TABLES)]
    return sorted(name for name in found if not is_submission(name))


def documents_in(folder: Path) -> list[str]:
    """Return the names of what people keep beside images in a folder itself, sorted."""
    return sorted(item.name for item in _items(folder, {}) if is_document(item.name) and not _is_folder(item))


def archives_in(folder: Path) -> list[str]:
    """Return the names of the archives in a folder itself, sorted."""
    return sorted(item.name for item in _items(folder, {}) if item.name.lower().endswith(ARCHIVES))


def is_submission(name: str) -> bool:
    """Tell whether a table is an example of what a competition wants to be sent, whose labels are none."""
    return "submission" in name.lower()


def odd(folder: Path) -> dict[str, str]:
    """Return what lies in a folder itself and is neither file nor folder, by path, with the reason."""
    skipped: dict[str, str] = {}
    for item in _items(folder, skipped):
        if not _is_folder(item):
            _file(item, skipped)
    return skipped


def is_image_name(name: str) -> bool:
    """Tell by its ending whether a file is meant to be an image."""
    return name.lower().endswith(ENDINGS)


def has_files(folder: Path) -> bool:
    """Tell whether there is any file but documents in a folder, or below."""
    return any(not is_document(file.path) for file in _walk(str(folder), set(), {}))


def is_document(name: str) -> bool:
    """Tell by its ending whether a file is what people keep beside images: a text, a table, a program, a model."""
    return name.lower().endswith(DOCUMENTS)


def walk(folder: Path) -> Found:
    """Return the regular files in a folder and below. Links are followed, pipes and devices never opened."""
    skipped: dict[str, str] = {}
    files = sorted(_walk(str(folder), set(), skipped))
    return Found(files, skipped)


def shown(name: str | Path) -> str:
    """Return a name as it can be printed: bytes that are no UTF-8 and control characters as escapes."""
    text = str(name)
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))


def _walk(folder: str, seen: set[tuple[int, int]], skipped: dict[str, str]) -> Iterator[File]:
    """Yield the files below a folder; `seen` are the folders that were looked into."""
    try:
        status = os.stat(folder)
    except OSError as error:
        skipped[folder] = _reason(error)
        return
    if (status.st_dev, status.st_ino) in seen:
        skipped[folder] = "a link to a folder that is read already"
        return
    seen.add((status.st_dev, status.st_ino))
    for item in _items(folder, skipped):
        if _is_folder(item):
            yield from _walk(item.path, seen, skipped)
        elif file := _file(item, skipped):
            yield file


def _file(item: os.DirEntry[str], skipped: dict[str, str]) -> File | None:
    """Return a regular file; of anything else, say what it is. Nothing is opened: a pipe would wait for ever."""
    try:
        status = item.stat()
    except OSError as error:
        skipped[item.path] = _reason(error, item.is_symlink())
        return None
    if stat.S_ISREG(status.st_mode):
        return File(item.path, status.st_size, status.st_mtime_ns)
    skipped[item.path] = KINDS.get(stat.S_IFMT(status.st_mode), "no file")
    return None


def _items(folder: str | Path, skipped: dict[str, str]) -> list[os.DirEntry[str]]:
    """Return what is in a folder, but for links to one that it lies in itself."""
    try:
        with os.scandir(folder) as items:
            found = [item for item in items if item.name[0] != "." and item.name.lower() not in LEFT_BY_SYSTEMS]
    except OSError as error:
        skipped[str(folder)] = _reason(error)
        return []
    here = Path(os.path.realpath(folder))
    kept = []
    for item in found:
        if item.is_symlink() and here.is_relative_to(os.path.realpath(item.path)):
            skipped[item.path] = "a link to a folder that it lies in"
        else:
            kept.append(item)
    return kept


def _is_folder(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_dir()
    except OSError:  # a link to itself
        return False


def _reason(error: OSError, is_link: bool = False) -> str:
    if is_link and isinstance(error, FileNotFoundError):
        return "a link that leads nowhere"
    return error.strerror or str(error)
