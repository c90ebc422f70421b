"""A project whose folder was moved or copied: MLflow's database names each file by where it was then.

New files would go there as well: to a folder that is gone, or into the project that this one is a copy of.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from src.tracking.address import Address, local

FILES = "mlruns"  # beside a database, and in the addresses of all that lies there
# Where the addresses are, by table.
ADDRESSES = {
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "logged_models": ("artifact_location",),
    "model_versions": ("source", "storage_location"),
}


def moved_along(address: Address, before: Path, now: Path) -> Address:
    """Return an address as it is after what lay in the folder `before` has come to lie in `now`, by a project's move.

    It stays what it is where it is no database of that project, or the database has not come along.
    """
    while before.name == now.name and before != now and before.name:
        before, now = before.parent, now.parent
    database = address.database
    if database is None or before == now or not database.is_relative_to(before):
        return address
    place = now / database.relative_to(before)
    return replace(address, uri=address.uri.replace(str(database), str(place), 1)) if place.exists() else address


def follow(database: Path | None) -> list[str]:
    """Give the files that lie beside an SQLite database the address that they have now.

    Only where files of its own runs are there: what is kept elsewhere on purpose stays. Done again it changes nothing.

    Returns:
        The folders that they were said to be in.
    """
    import sqlite3

    if database is None or not (database.parent / FILES).is_dir() or not database.exists():
        return []
    here = database.parent.absolute() / FILES
    # Locked, or not yet one of MLflow's: who goes on to use it is told so.
    with contextlib.suppress(sqlite3.DatabaseError), contextlib.closing(sqlite3.connect(database)) as file, file:
        known = [row[0] for row in file.execute("SELECT artifact_uri FROM runs") if row[0]]
        moved = _moved(known, here)
        for table, columns in ADDRESSES.items() if moved else ():
            for column in columns:
                for row, address in file.execute(f"SELECT rowid, {column} FROM {table}").fetchall():
                    root = _root(address or "")
                    if root is not None and local(root) in moved and not _is_only_there(address, root, here):
                        now = (here.as_uri() if root.startswith("file:") else str(here)) + address[len(root) :]
                        file.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (now, row))
        return [str(folder) for folder in moved]
    return []


def _moved(known: Sequence[str], here: Path) -> list[Path]:
    """Return the folders that files of some runs are said to be in, which are here."""
    found: list[Path] = []
    for address in known:
        root = _root(address)
        folder = local(root) if root is not None else None
        if root is None or folder is None or folder in (here, *found) or not (here / address[len(root) + 1 :]).is_dir():
            continue
        with contextlib.suppress(OSError):
            if folder.samefile(here):  # by another name
                continue
        found.append(folder)
    return found


def _is_only_there(address: str, root: str, here: Path) -> bool:
    """Whether files were put into the former folder after it had been copied."""
    there = local(address)
    return there is not None and there.exists() and not (here / address[len(root) + 1 :]).exists()


def _root(address: str) -> str | None:
    """Return the part of an address that ends with the folder of all files; None where it is no absolute one."""
    place = local(address)
    head, found, _ = f"{address}/".rpartition(f"/{FILES}/")
    return f"{head}/{FILES}" if found and place is not None and place.is_absolute() else None
