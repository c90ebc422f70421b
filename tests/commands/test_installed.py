"""The project in its environment, as `make venv` lays it: commands and sweeper are found from any folder."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.command import ROOT


def run(arguments: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(autouse=True)
def installed() -> None:
    try:
        importlib.metadata.distribution("convsweep")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the project is not in this environment: make venv")


def test_a_command_can_be_typed_in_any_folder(tmp_path: Path) -> None:
    done = run(["-m", "src.sweep", "--cfg", "job", "--package", "dataset"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "digits" in done.stdout


def test_the_example_finds_the_sweeper_once(tmp_path: Path) -> None:
    done = run([str(ROOT / "examples/minimal/app.py"), "--info", "plugins"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ConvsweepSweeper") == 1


def test_convsweep_is_a_command_in_any_folder(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("convsweep")
    if not command.exists():
        pytest.skip("the environment is older than the command: make venv")
    done = run([str(command), "sweep", "--cfg", "job", "--package", "dataset"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "digits" in done.stdout
