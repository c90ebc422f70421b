"""Slurm's queue, as far as a sweep that has ended must know it."""

import subprocess
from contextlib import suppress
from pathlib import Path


class Queue:
    """The jobs that are submitted from now on, known by the folders that submitit makes for them.

    Args:
        folder: `hydra.launcher.submitit_folder`, with `%j` for a job's id; None for another launcher, without a queue.
    """

    def __init__(self, folder: str | None) -> None:
        self._folder = Path(folder).parent if folder and Path(folder).name == "%j" else None
        self._earlier = self._jobs()

    def leave(self) -> None:
        """Take those out of the queue that still wait in it; on a machine without Slurm, do nothing."""
        if jobs := sorted(self._jobs() - self._earlier):
            with suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run(
                    ["scancel", "--quiet", "--state=PENDING", *jobs],
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=30,
                )

    def _jobs(self) -> set[str]:
        if self._folder is None or not self._folder.exists():
            return set()
        return {path.name for path in self._folder.iterdir() if path.name[0].isdigit()}
