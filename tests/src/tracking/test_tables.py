"""The tables of a new database: whole or not at all, and MLflow's steps once a machine."""

import contextlib
import errno
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from mlflow.store.db import utils

from src.tracking.tables import make_tables


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "convsweep"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what MLflow makes tables in, while it only seems to make them."""
    found = []

    def initialize(engine: Any) -> None:
        found.append(Path(engine.url.database).name)
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("CREATE TABLE alembic_version (version_num TEXT)"))
            connection.execute(sqlalchemy.text("INSERT INTO alembic_version VALUES ('1')"))

    monkeypatch.setattr(utils, "_initialize_tables", initialize)
    return found


def version(database: Path) -> list[tuple[str]]:
    with contextlib.closing(sqlite3.connect(database)) as found:
        return found.execute("SELECT * FROM alembic_version").fetchall()


def test_a_database_is_made_as_a_whole_or_not_at_all(
    cache: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full half-way must not leave what looks like an older MLflow's."""

    def cut_short(engine: Any) -> None:
        engine.connect().execute(sqlalchemy.text("CREATE TABLE experiments (id INTEGER)"))
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(utils, "_initialize_tables", cut_short)
        make_tables(folder / "mlflow.db")
    assert not list(folder.iterdir())
    assert not list(cache.glob("*mlflow*"))
    for name in ("mlflow.db", "other.db"):
        file = folder / name
        make_tables(file)
        before = file.stat().st_mtime_ns
        make_tables(file)
        assert file.stat().st_mtime_ns == before
    assert (folder / "mlflow.db").read_bytes() == (folder / "other.db").read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == ["mlflow.db", "other.db"]
    engine = sqlalchemy.create_engine(f"sqlite:///{folder / 'other.db'}")
    utils._verify_schema(engine)
    assert utils._all_tables_exist(engine)
    engine.dispose()


def test_the_steps_are_taken_once_a_machine_and_for_each_version(
    cache: Path, folder: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.db", "b.db"):
        make_tables(folder / name)
        assert version(folder / name) == [("1",)]
    (kept,) = cache.glob("mlflow-*.db")
    assert made == [f".{kept.name}.partial"]
    monkeypatch.setattr("src.tracking.tables._layout", lambda: "of another MLflow's")
    make_tables(folder / "c.db")
    assert len(made) == 2


@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
def test_what_is_damaged_in_the_cache_is_made_anew(
    cache: Path, folder: Path, made: list[str], damage: bytes | None
) -> None:
    make_tables(folder / "a.db")
    (kept,) = cache.glob("mlflow-*.db")
    kept.write_bytes(kept.read_bytes()[:5000] if damage is None else damage)
    make_tables(folder / "b.db")
    assert version(folder / "b.db") == [("1",)]
    assert len(made) == 2


def test_without_a_cache_they_are_made_where_they_are_wanted(
    folder: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "file"))
    make_tables(folder / "a.db")
    assert version(folder / "a.db") == [("1",)]
    assert made == [".a.db.partial"]
