"""Hydra callbacks that kill a worker at the worst moments, once each: `marker` is a file that says it has been done."""

import os
import signal
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from convsweep import current_trial


def die_once(marker: str) -> None:
    """Kill this process as `kill -9` does, unless it happened before."""
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)


class BetweenResultAndRecord(Callback):
    """The task function has returned, and nobody knows its value yet."""

    def __init__(self, marker: str) -> None:
        self.marker = marker

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        die_once(self.marker)


class BetweenThePrunersWordAndItsRecord(Callback):
    """A trial has stopped because it was pruned, and nobody knows it yet."""

    def __init__(self, marker: str) -> None:
        self.marker = marker

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        trial = current_trial()
        if trial is not None and trial.stopped:
            die_once(self.marker)


class BeforeATrialGoesOn(Callback):
    """A paused trial was promoted and taken, and has not begun."""

    def __init__(self, marker: str) -> None:
        self.marker = marker

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        trial = current_trial()
        if trial is not None and trial.attrs.get("seen"):
            die_once(self.marker)


class WhileACheckpointIsWritten(Callback):
    """Half of the file is on the disk, beside that of the epoch before."""

    def __init__(self, marker: str) -> None:
        self.marker = marker

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        import numpy as np

        from src.training import checkpoint

        checkpoint.INTERVAL = checkpoint.SHARE = 0
        written, savez = [], np.savez

        def dying(file: Any, **arrays: Any) -> None:
            savez(file, **arrays)
            if isinstance(file, Path):  # not a checkpoint, which is written to an open file
                return
            written.append(file)
            if len(written) == 3:
                file.truncate(file.tell() // 2)
                die_once(self.marker)

        np.savez = dying


class DieAbove(Callback):
    """Each trial whose x is above a limit kills its worker."""

    def __init__(self, limit: float) -> None:
        self.limit = limit

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        if config.x > self.limit:
            os.kill(os.getpid(), signal.SIGKILL)
