"""Run one way once, and tell when it had reached which validation accuracy."""

import ctypes
import json
import os
import resource
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.peers import environments
from benchmarks.peers.setting import LIMIT, ROOT
from benchmarks.peers.ways import WAYS, Way

POLL = 0.2  # seconds between two looks at a way's progress
PATIENCE = 3600  # seconds that fixed work may take
PR_SET_CHILD_SUBREAPER = 36
TICKS = os.sysconf("SC_CLK_TCK")  # of the kernel's clock in a second


@dataclass(frozen=True)
class Measured:
    """Seconds of the whole command, processor seconds of all its processes, and each epoch: (seconds, accuracy)."""

    seconds: float
    processor: float
    epochs: list[tuple[float, float]]


class Failed(Exception):
    """A way ended with an error; the message is what it printed."""


def export_images(seed: int, folder: Path) -> Path:
    """Write the images that ours takes with this seed."""
    from src.config.dataset import DatasetConfig
    from src.dataset import load

    data = load(DatasetConfig(name="fashion_mnist", limit=LIMIT, scaling="minmax", labels="sparse"), seed)
    (x, y), (x_val, y_val) = data.train, data.validation
    path = folder / f"images-{seed}.npz"
    np.savez(path, x=x, y=y, x_val=x_val, y_val=y_val)
    return path


def measure(way: Way, mode: str, seed: int, seconds: float, images: Path) -> Measured:
    """Run a way in an empty folder: to its end where the work is fixed, else for so many seconds.

    Raises:
        Failed: It ended with an error, or before its time.
    """
    fixed = mode == "fixed"
    ctypes.CDLL(None).prctl(
        PR_SET_CHILD_SUBREAPER, 1
    )  # what outlives the command becomes ours, to be counted and ended
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        log = folder / "epochs"
        variables = {"PEERS_MODE": mode, "PEERS_SEED": str(seed), "PEERS_IMAGES": str(images), "PEERS_LOG": str(log)}
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables, **dict(way.variables)}
        environment.pop("MLFLOW_TRACKING_URI", None)
        command = [str(environments.python(way.environment)), *way.command(fixed, seed, seconds)]
        processor, started, clock = Processor(), time.perf_counter(), time.time()
        journal = Journal(folder / "multirun/peers/journal.log", clock)
        with (folder / "output").open("w") as output:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True
            )
        try:
            while process.poll() is None and time.perf_counter() - started < (PATIENCE if fixed else seconds):
                journal.read()
                processor.look()
                time.sleep(POLL)
            took, early = time.perf_counter() - started, process.poll()
            journal.read()
        finally:
            _end_all(process)
        epochs = journal.epochs or _logged(log, clock)
        if early or (fixed and early is None) or not epochs:
            said = "\n".join((folder / "output").read_text().splitlines()[-30:])
            raise Failed(said if early else f"{said}\nno epoch within {took:.0f} s")
        return Measured(took, processor.seconds(), [epoch for epoch in epochs if fixed or epoch[0] <= seconds])


def measure_on(cores: list[int], way: str, mode: str, seed: int, seconds: float, images: Path) -> Measured:
    """Measure a way, by its name, on some cores; for a process of its own, which is bound to them."""
    os.sched_setaffinity(0, cores)
    return measure(WAYS[way], mode, seed, seconds, images)


class Journal:
    """The epochs in a study's journal, each with the time at which it was seen there first."""

    def __init__(self, path: Path, clock: float) -> None:
        self.path, self.clock = path, clock
        self.epochs: list[tuple[float, float]] = []
        self._read = 0

    def read(self) -> None:
        """Take what is new, up to the last whole line."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        for entry in map(json.loads, whole.splitlines()):
            if "intermediate_value" in entry:
                self.epochs.append((time.time() - self.clock, entry["intermediate_value"]))


def _logged(log: Path, clock: float) -> list[tuple[float, float]]:
    lines = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
    return [(float(at) - clock, float(accuracy)) for at, accuracy in lines]


class Processor:
    """The processor seconds of all that runs below this process.

    The kernel adds up those of processes that somebody waited for, which Ray does not do; a look now and then knows
    of all, but of each not the time after the last look. The larger of the two is nearer.
    """

    def __init__(self) -> None:
        self._before, self._seen, self._next = self._waited_for(), {}, 0.0

    def look(self) -> None:
        """See how far each process has got, once a second at most."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + 1
        below = _children(os.getpid())
        while below:
            pid = below.pop()
            with suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                self._seen[pid, fields[19]] = (int(fields[11]) + int(fields[12])) / TICKS
                below += _children(pid)

    def seconds(self) -> float:
        """Return the processor seconds since the beginning."""
        return max(self._waited_for() - self._before, sum(self._seen.values()))

    @staticmethod
    def _waited_for() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime


def _end_all(process: "subprocess.Popen[bytes]") -> None:
    """Kill the command with all that it started, and wait for each, so that its time is counted."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    while children := _children(os.getpid()):
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(child, 0)


def _children(pid: int) -> list[int]:
    """Return the processes that one has started, by any of its threads."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(child) for child in path.read_text().split()]
    return found
