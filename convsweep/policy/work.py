"""Who runs a trial, since when, and how long it has run."""

import os
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

WORKER = "convsweep:worker"  # who runs a trial: host, process id, since when (Unix time), and for which driver
RETRIED = "convsweep:retried"  # of a study: the numbers of the failed trials whose values have been given to new ones
SECONDS = "convsweep:seconds"  # how long a trial has run, in all
NAMING = 10.0  # seconds at most from taking a trial to the taker's name at it


def seconds_of(trial: "FrozenTrial") -> float:
    """Return how long a trial has run, without the time for which it paused."""
    known = trial.system_attrs.get(SECONDS)
    if trial.state.name == "RUNNING" and WORKER in trial.system_attrs:
        return (known or 0.0) + max(0.0, time.time() - trial.system_attrs[WORKER][2])
    return known if known is not None else trial.duration.total_seconds() if trial.duration else 0.0


def is_alive(trial: "FrozenTrial") -> bool:
    """Whether somebody else may be running a trial; of processes on other machines nobody here knows more.

    Who has just taken one may be about to put his name to it. Who was killed before that left it with an earlier name,
    or none.
    """
    host, pid, *_ = trial.system_attrs.get(WORKER, ["", 0])
    if trial.datetime_start and abs(time.time() - trial.datetime_start.timestamp()) < NAMING:
        return True
    if host != socket.gethostname():
        return bool(host)
    return pid != os.getpid() and is_running(pid)


def is_running(pid: int) -> bool:
    """Whether there is a process of that id on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def last_step(trial: "FrozenTrial") -> int:
    return max(trial.intermediate_values, default=0)
