"""Decode image files with all cores.

Threads do not help: for small files half of the time is spent in Python. Processes are started from a script
of their own, since a fork is unsafe once TensorFlow's threads run and a spawned one would import the program
that started the sweep.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from src.dataset import decode
from src.dataset.cores import cores
from src.dataset.dataset import DatasetError

FEW = 500  # files that are decoded sooner than a helper process starts
BATCHES = 256  # as many as a byte can number


def decode_all(
    tasks: Sequence[decode.Task], size: tuple[int, int], fit: str = "stretch", span: tuple[float, float] | None = None
) -> list[decode.Result]:
    """Do what `decode.decode` does, with as many processes as this one may use cores, this one included.

    They take the next of many small batches whenever they are done with one: some start later, and some get
    the larger files.
    """
    if cores() == 1 or len(tasks) <= FEW:
        return decode.decode(tasks, size, fit, span)
    results: list[decode.Result] = [("broken", "")] * len(tasks)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        for number in range(BATCHES):
            given = {"tasks": tasks[number::BATCHES], "size": size, "fit": fit, "span": span}
            Path(folder, f"{number}.in").write_text(json.dumps(given))
        queue, end = os.pipe()
        stack.callback(os.close, queue)
        os.write(end, bytes(range(BATCHES)))
        os.close(end)
        helpers = [stack.enter_context(_Helper(queue, folder, number)) for number in range(cores() - 1)]
        # Ctrl-C ends the helpers, and this may be a thread that does not hear of it.
        decode.work(queue, folder, lambda: not any(helper.failed() for helper in helpers))
        for helper in helpers:
            helper.wait()
        for number in range(BATCHES):
            results[number::BATCHES] = json.loads(Path(folder, f"{number}.out").read_text())
    return results


class _Helper:
    """A process that decodes; it is stopped when its context is left early, by Ctrl-C for one."""

    def __init__(self, queue: int, folder: str, number: int) -> None:
        self._errors = Path(folder, f"{number}.err")
        with open(self._errors, "w") as errors:
            # -P: the files beside the script are no top-level modules. NumPy starts no threads to calculate with.
            command = [sys.executable, "-P", str(Path(decode.__file__)), folder]
            environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
            self._process = subprocess.Popen(command, stdin=queue, stderr=errors, env=environment)

    def __enter__(self) -> "_Helper":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def failed(self) -> bool:
        return bool(self._process.poll())

    def wait(self) -> None:
        status = self._process.wait()
        if status != 0:
            last = (self._errors.read_text().strip().splitlines() or ["no message"])[-1]
            raise DatasetError(f"a process that decodes images ended with status {status}: {last}; run again")
