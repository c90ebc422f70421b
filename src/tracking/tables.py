"""The tables of a new SQLite database, which MLflow makes in some sixty steps: a second's work, done once a machine."""

import contextlib
import functools
import hashlib
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path


def make_tables(database: Path | None) -> None:
    """Make a new SQLite database as a whole; one that is there stays as it is.

    A kill or a full disk between two of MLflow's steps would leave a database that looks like an older MLflow's.
    """
    if database is None or _is_there(database):
        return
    empty = kept()
    with _whole(database) as partial:
        shutil.copyfile(empty, partial) if empty is not None else _initialize(partial)


def kept() -> Path | None:
    """Return a database without runs, from the cache or put there; None where it cannot be kept."""
    from src.dataset.cache import default_folder, lock

    file = default_folder() / f"mlflow-{_layout()}.db"
    with contextlib.suppress(Exception):  # then it is made where it is wanted, and what is wrong is told there
        if not _is_whole(file):
            with lock(file.parent):
                if not _is_whole(file):
                    with _whole(file) as partial:
                        _initialize(partial)
        return file
    return None


@functools.cache
def _layout() -> str:
    """Name the tables: by MLflow's version, and the steps that make them."""
    import mlflow

    steps = sorted(path.name for path in (Path(mlflow.__file__).parent / "store/db_migrations/versions").glob("*.py"))
    return f"{version('mlflow')}-{hashlib.blake2b(repr(steps).encode(), digest_size=4).hexdigest()}"


def _is_there(database: Path) -> bool:
    return database.exists() and bool(database.stat().st_size)


def _is_whole(database: Path) -> bool:
    """Whether a database in the cache is as it was made."""
    import sqlite3

    if not _is_there(database):
        return False
    address = f"{database.absolute().as_uri()}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(address, uri=True)) as file:
            sound = file.execute("PRAGMA quick_check").fetchone() == ("ok",)
            return sound and file.execute("SELECT COUNT(*) FROM alembic_version").fetchone() == (1,)
    except sqlite3.DatabaseError:
        return False


@contextlib.contextmanager
def _whole(database: Path) -> Iterator[Path]:
    """Yield a path that becomes the database's at the end, unless something fails before."""
    partial = database.with_name(f".{database.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        yield partial
        partial.replace(database)
    finally:
        partial.unlink(missing_ok=True)


def _initialize(database: Path) -> None:
    from mlflow.store.db.utils import _initialize_tables, create_sqlalchemy_engine_with_retry

    engine = create_sqlalchemy_engine_with_retry(f"sqlite:///{database}")
    try:
        _initialize_tables(engine)
    finally:
        engine.dispose()
