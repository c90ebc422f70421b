"""Workers as jobs of an engine that may let some of them queue for hours, after there is nothing left to do."""

import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


class Jobs:
    """What a launcher has launched, and waits for in a thread, so that nobody else must.

    Args:
        launch: Launches the jobs, and returns when all have ended.
        slurm: Where submitit keeps a folder for each of them, named by its id, if they are Slurm's.
    """

    def __init__(self, launch: Callable[[], None], slurm: Path | None = None) -> None:
        self._launch, self._slurm = launch, slurm
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the launcher still waits for one."""
        return self._thread.is_alive()

    def ended(self, within: float) -> bool:
        """Wait for all of them for so many seconds; return whether they have ended.

        Raises:
            Exception: What the launcher raised.
        """
        self._thread.join(within)
        if self._error is not None:
            raise self._error
        return not self.alive

    def leave_queue(self) -> None:
        """Take those that do not run, or not again, out of Slurm's queue; those of another engine end when they start.

        Also when the launcher has given up: it may have taken one for lost that queues again.
        """
        if self._slurm is not None and self._slurm.exists():
            jobs = sorted(path.name for path in self._slurm.glob("[0-9]*"))
            with suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run(
                    ["scancel", "--quiet", "--state=PENDING", *jobs],
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=30,
                )

    def join(self, seconds: float) -> None:
        """Wait for so many seconds, whatever becomes of them."""
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            self._launch()
        except Exception as error:
            self._error = error
