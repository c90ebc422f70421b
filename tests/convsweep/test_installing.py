"""What is printed for a missing package: a command that brings it into this environment, by a name of an index."""

import importlib.util
import shutil
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest

from convsweep import errors
from convsweep.driver import checks
from convsweep.storage import opening

ROOT = Path(__file__).parents[2]


def test_the_command_is_for_the_environment_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: sys.executable)
    assert errors.install("psycopg[binary]") == "pip install 'psycopg[binary]'"
    monkeypatch.setattr(shutil, "which", lambda _: "/elsewhere/python")
    assert errors.install("a", "b") == f"{sys.executable} -m pip install a b"
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert errors.install("a") == f"uv pip install --python {sys.executable} a"


def test_what_is_printed_is_what_the_extras_have() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    known = {requirement.split(">")[0].split("<")[0] for extra in extras.values() for requirement in extra}
    printed = {
        *errors.LAUNCHERS.values(),
        *chain(*(needed.values() for needed in checks.NEEDS.values())),
        "psycopg[binary]",
        "pymysql",
    }
    assert printed <= known


@pytest.mark.parametrize(
    ("error", "packages"),
    [
        (ModuleNotFoundError("No module named 'psycopg'", name="psycopg"), "'psycopg[binary]'"),
        (ModuleNotFoundError("No module named 'google.protobuf'", name="google.protobuf"), "grpcio protobuf"),
        (ImportError("no pq wrapper available."), "'psycopg[binary]'"),
        (ModuleNotFoundError("No module named 'asyncpg'", name="asyncpg"), "asyncpg"),
    ],
)
def test_a_storage_whose_package_is_missing_says_how_to_install_it(error: ImportError, packages: str) -> None:
    try:
        raise ImportError("Optuna's own words") from error
    except ImportError as wrapped:
        told = str(opening._unopened("postgresql+psycopg://", wrapped))
    assert told.endswith(f"pip install {packages}")
