"""Decode image files with all cores.

Threads do not help: for small files Pillow spends most of its time in Python. Processes are started from a
script of their own, since a fork is unsafe once TensorFlow's threads run and a spawned one would import the
program that started the sweep.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from src.dataset import decode
from src.dataset.cores import cores
from src.dataset.dataset import DatasetError

FEW = 500  # files that are decoded sooner than a helper process starts


def decode_all(tasks: Sequence[decode.Task], size: tuple[int, int]) -> list[str]:
    """Do what `decode.decode` does, with as many processes as this one may use cores."""
    count = cores()
    if count == 1 or len(tasks) <= FEW:
        return decode.decode(tasks, size)
    results = [""] * len(tasks)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        helpers = [
            stack.enter_context(_Helper(tasks[first::count], size, Path(folder) / str(first))) for first in range(count)
        ]
        for first, helper in enumerate(helpers):
            results[first::count] = helper.results()
    return results


class _Helper:
    """A process that decodes; it is stopped when its context is left early, by Ctrl-C for one."""

    def __init__(self, tasks: Sequence[decode.Task], size: tuple[int, int], base: Path) -> None:
        self._out, self._errors = base.with_suffix(".out"), base.with_suffix(".err")
        base.with_suffix(".in").write_text(json.dumps({"tasks": tasks, "size": size}))
        with open(base.with_suffix(".in")) as given, open(self._out, "w") as out, open(self._errors, "w") as errors:
            # -P: the files beside the script are no top-level modules.
            command = [sys.executable, "-P", str(Path(decode.__file__))]
            self._process = subprocess.Popen(command, stdin=given, stdout=out, stderr=errors)

    def __enter__(self) -> "_Helper":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def results(self) -> list[str]:
        status = self._process.wait()
        if status != 0:
            last = (self._errors.read_text().strip().splitlines() or ["no message"])[-1]
            raise DatasetError(f"a process that decodes images ended with status {status}: {last}; run again")
        return json.loads(self._out.read_text())
