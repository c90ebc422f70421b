"""Running commands as a user does: in a folder of their own, with the project found by its path."""

import os
import subprocess
import sys
from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

ROOT = Path(__file__).parent.parent


def start(arguments: list[str], folder: Path, **env: str) -> "subprocess.Popen[str]":
    """Start `python ...` in a folder, in a process group of its own."""
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, "COLUMNS": "200", **env}
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(arguments: list[str], folder: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run `python ...` in a folder and return its output and exit status."""
    process = start(arguments, folder, **env)
    out, err = process.communicate(timeout=240)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def toy(folder: Path, *overrides: str) -> "subprocess.CompletedProcess[str]":
    """Sweep the toy app."""
    return run([str(ROOT / "tests/toy/app.py"), "-m", *overrides], folder)


def load_study(folder: Path, name: str) -> optuna.Study:
    """Open a study's journal, as any tool that knows Optuna can."""
    journal = JournalFileBackend(str(folder / "multirun" / name / "journal.log"))
    return optuna.load_study(storage=JournalStorage(journal), study_name=name)


def trials(folder: Path, name: str = "toy") -> list[optuna.trial.FrozenTrial]:
    """Return a study's trials."""
    return load_study(folder, name).trials
