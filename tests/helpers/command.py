"""Running commands as a user does: in a folder of their own, with the project found by its path."""

import contextlib
import io
import os
import runpy
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import optuna
import yaml
from hydra._internal.hydra import Hydra
from hydra.core.hydra_config import HydraConfig
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from convsweep.storage.patience import giving_up
from convsweep.workers.trial import stop_requested

ROOT = Path(__file__).parents[2]
TOY = str(ROOT / "tests/helpers/toy/app.py")
MARK = "CONVSWEEP_TEST"  # a variable of what a test starts, and of what that starts

_mark = "no test"
_started = 0


@contextlib.contextmanager
def ending() -> Iterator[None]:
    """End all that is started meanwhile, with what that started, in whatever group or session it may be."""
    global _mark, _started
    _mark, _started = uuid.uuid4().hex, 0
    try:
        yield
    finally:
        if _started:
            while left := _marked(_mark):
                for pid in left:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                time.sleep(0.05)


def _marked(mark: str) -> list[int]:
    """Return the processes that live with this mark in their environment."""
    wanted, found = f"{MARK}={mark}".encode(), []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # has ended, or is another user's; a zombie's environment is empty
            if wanted in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return found


def start(arguments: list[str], folder: Path, **env: str) -> "subprocess.Popen[str]":
    """Start `python ...` in a folder, in a process group of its own; it ends with the test."""
    global _started
    _started += 1
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, "COLUMNS": "200", MARK: _mark, **env}
    environment.pop("MLFLOW_TRACKING_URI", None)  # MLflow sets it in the tests' own process
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell's background jobs ignore Ctrl-C, and so would what they start; a user's foreground job does not.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def run(arguments: list[str], folder: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run `python ...` in a folder and return its output and exit status."""
    process = start(arguments, folder, **env)
    out, err = process.communicate(timeout=240)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def run_inside(arguments: list[str], folder: Path, columns: int = 200) -> "subprocess.CompletedProcess[str]":
    """Do as `run` in this very process, which has imported the libraries already: for one worker at most."""
    out, err = io.StringIO(), io.StringIO()
    handler = signal.getsignal(signal.SIGTERM)
    stop_requested.clear()  # a process that was told to stop stays so, and this one is to run more than one command
    giving_up.clear()
    environment = {"COLUMNS": str(columns), "HYDRA_FULL_ERROR": "0"}
    hydra, status = HydraConfig.instance().cfg, None
    with (
        contextlib.chdir(folder),
        mock.patch.object(sys, "argv", arguments[arguments[0] == "-m" :]),
        mock.patch.dict(os.environ, environment),
        # What one command line has no use for (src/config/spared.py) the next one may need.
        mock.patch.object(Hydra, "get_mode", Hydra.get_mode),
        mock.patch.object(Hydra, "format_config_groups", Hydra.format_config_groups),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        try:
            if arguments[0] == "-m":
                if not hasattr(sys.modules.get(arguments[1]), "__path__"):  # a package stays: others hold its modules
                    sys.modules.pop(arguments[1], None)  # another test may have imported it, a user's process has not
                runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
            else:
                runpy.run_path(arguments[0], run_name="__main__")
        except SystemExit as end:
            status = end.code
            if isinstance(status, str):
                print(status, file=sys.stderr)
                status = 1
    signal.signal(signal.SIGTERM, handler)
    HydraConfig.instance().cfg = hydra  # which a command that ends early leaves, and which says where one was typed
    return subprocess.CompletedProcess(arguments, int(status or 0), out.getvalue(), err.getvalue())


def toy(folder: Path, *overrides: str) -> "subprocess.CompletedProcess[str]":
    """Sweep the toy app with one worker, inside this process."""
    return run_inside([TOY, "-m", "hydra/launcher=basic", *overrides], folder)


def toy_workers(folder: Path, *overrides: str) -> "subprocess.CompletedProcess[str]":
    """Sweep the toy app as a user does: with two workers, unless the overrides name a number, on any machine."""
    named = any("n_jobs" in override for override in overrides)
    return run([TOY, "-m", *overrides, *([] if named else ["hydra.sweeper.n_jobs=2"])], folder)


def load_study(folder: Path, name: str) -> optuna.Study:
    """Open a study's journal, as any tool that knows Optuna can."""
    journal = JournalFileBackend(str(folder / "multirun" / name / "journal.log"))
    return optuna.load_study(storage=JournalStorage(journal), study_name=name)


def trials(folder: Path, name: str = "toy") -> list[optuna.trial.FrozenTrial]:
    """Return a study's trials."""
    return load_study(folder, name).trials


def states(folder: Path, name: str = "toy") -> Counter[str]:
    """Count a study's trials by state."""
    return Counter(trial.state.name for trial in trials(folder, name))


def wait_until(holds: Callable[[], Any], seconds: float = 120) -> None:
    """Wait until a condition holds, which may ask a study that is not there yet.

    Raises:
        AssertionError: It does not within so many seconds.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        # A folder without a journal, a journal without the study.
        with contextlib.suppress(FileNotFoundError, KeyError):
            if holds():
                return
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} seconds")


def wait_for(folder: Path, state: str, count: int = 1, name: str = "toy") -> None:
    """Wait until a study has so many trials of a state."""
    wait_until(lambda: states(folder, name)[state] >= count)


def results(folder: Path, name: str = "toy") -> dict[str, Any]:
    """Return a study's `optimization_results.yaml`."""
    return yaml.safe_load((folder / "multirun" / name / "optimization_results.yaml").read_text())
