"""A Hydra app that ends each trial in another way: `how` names one of the functions below."""

import asyncio
import errno
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import hydra
import numpy as np
import optuna
from omegaconf import DictConfig

from convsweep import current_trial


class Own(BaseException):
    """What some libraries end a task with."""


class Mute(Exception):
    def __str__(self) -> str:
        raise Own


class Kept:
    """What a script defines and a library keeps by its name."""

    value = 1.0


class Broken(list):
    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Any:
        raise OverflowError("no end")


class Wilful:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __float__(self) -> float:
        raise self.error

    def __repr__(self) -> str:
        raise self.error


def report() -> None:
    trial = current_trial()
    assert trial is not None
    trial.report(7.0, 1)


def wait_for_the_end() -> None:
    for _ in range(100):
        time.sleep(0.1)


def ring() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    raise one


def fork() -> float:
    if pid := os.fork():
        os.waitpid(pid, 0)
        return 1.0
    return 2.0


def hang_at_the_end() -> float:
    threading.Thread(target=wait_for_the_end).start()
    return 1.0


def leave_the_folder() -> float:
    folder = Path("gone")
    folder.mkdir()
    os.chdir(folder)
    Path("../gone").resolve().rmdir()
    return 1.0


def spoil_the_process() -> float:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    sys.stdout.close()
    os.close(0)
    return 1.0


def end_a_child() -> float:
    """End a child as `multiprocessing.Pool` does: without the signal's usual effect it would outlive its time here."""
    child = multiprocessing.get_context("fork").Process(target=wait_for_the_end)
    child.start()
    child.terminate()
    child.join(5)
    status = child.exitcode
    child.kill()
    assert status == -signal.SIGTERM, status
    return 1.0


def keep_and_load() -> float:
    return pickle.loads(pickle.dumps(Kept())).value


def spawn() -> float:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(keep_and_load)


def throw(error: BaseException) -> Any:
    raise error


FAIL = {
    "exit_1": lambda: sys.exit(1),
    "exit_0": lambda: sys.exit(0),
    "exit_with_words": lambda: sys.exit("no such file"),
    "exit_with_a_mute": lambda: throw(SystemExit(Mute())),
    "interrupt": lambda: throw(KeyboardInterrupt()),
    "generator_exit": lambda: throw(GeneratorExit()),
    "cancelled": lambda: throw(asyncio.CancelledError()),
    "own": lambda: throw(Own("mine")),
    "mute": lambda: throw(Mute()),
    "ring": ring,
    "huge_words": lambda: throw(ValueError("\x1b[31mred\x1b[0m\n" + 3_000_000 * "x")),
    "surrogate": lambda: throw(ValueError("\udcff [bold]no markup[/bold] \u202e \x9b31m")),
    "disk_full_elsewhere": lambda: throw(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/elsewhere/file")),
    "huge_number": lambda: 10**400,
    "number_without_end": lambda: 10**10_000,
    "nothing": lambda: None,
    "text": lambda: "good",
    "two": lambda: [1.0, 2.0],
    "no_value": list,
    "endless": lambda: iter(int, 1),
    "mapping": lambda: {"loss": 1.0},
    "not_a_number": lambda: float("nan"),
    "infinite": lambda: float("-inf"),
    "broken_sequence": lambda: Broken([1.0]),
    "runtime_error_as_number": lambda: Wilful(RuntimeError("no number")),
    "exit_as_number": lambda: Wilful(SystemExit(0)),
}
PRUNED = {"pruned": lambda: throw(optuna.TrialPruned()), "pruned_late": lambda: report() or throw(optuna.TrialPruned())}
COMPLETE = {
    "truth": lambda: True,
    "array": lambda: np.array([1.0]),
    "scalar_array": lambda: np.array(1.0),
    "leave_the_folder": leave_the_folder,
    "end_a_child": end_a_child,
    "keep_and_load": keep_and_load,
    "spawn": spawn,
}
# These end the process, or would: only a worker of its own survives them.
KILL = {
    "exit_now_0": lambda: os._exit(0),
    "exit_now_74": lambda: os._exit(os.EX_IOERR),
    "exit_now_75": lambda: os._exit(75),
    "abort": os.abort,
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "terminated_by_force": lambda: (
        signal.signal(signal.SIGTERM, signal.SIG_DFL) and os.kill(os.getpid(), signal.SIGTERM)
    ),
    "files_closed_and_gone": lambda: os.closerange(3, 200) or os._exit(0),
}
FAIL_IN_WORKERS = {"signal_itself": lambda: os.kill(os.getpid(), signal.SIGINT) or time.sleep(5)}
COMPLETE_IN_WORKERS = {"fork": fork, "spoil_the_process": spoil_the_process, "hang_at_the_end": hang_at_the_end}


def terminate_itself() -> float:
    """Send itself SIGTERM, as a cluster does, and heed it."""
    trial = current_trial()
    assert trial is not None
    trial.report(1.0, len(trial.attrs) + 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.1)
    assert trial.should_stop()
    return 0.0


def turn_an_interrupt() -> float:
    """Answer Ctrl-C as many scripts do."""
    try:
        wait_for_the_end()
    except KeyboardInterrupt:
        sys.exit(3)
    return 1.0


def lose_a_child() -> float:
    """Train in a process of its own, which hears of Ctrl-C as all of a terminal's do, and without which it fails."""
    code = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_DFL); time.sleep(20)"
    subprocess.run([sys.executable, "-c", code], check=True)
    return 1.0


STOP = {"terminate_itself": terminate_itself}
ALL = (
    FAIL
    | PRUNED
    | COMPLETE
    | KILL
    | FAIL_IN_WORKERS
    | COMPLETE_IN_WORKERS
    | STOP
    | {"good": lambda: 1.0, "turn_an_interrupt": turn_an_interrupt, "lose_a_child": lose_a_child}
)


@hydra.main(version_base="1.3", config_path=".", config_name="ends")
def main(cfg: DictConfig) -> Any:
    with Path(f"ran-{cfg.how}").open("a") as file:
        file.write("x")
    return ALL[cfg.how]()


if __name__ == "__main__":
    main()
