"""A process's memory, as the kernel sees it."""

import os
from pathlib import Path

STATM = Path("/proc/self/statm")
WARM = 5  # trials after which a process has loaded and cached what it needs
GROWTH = 1.5  # of the resident size since then, above which a fresh process is cheaper than this one


class Memory:
    """Watches over a process's resident size, trial by trial; where there is no /proc it sees nothing."""

    def __init__(self) -> None:
        self._trials = 0
        self._warm = 0

    def has_grown(self) -> bool:
        """Count a trial; say whether the process has grown so much since it was warm that it should end."""
        self._trials += 1
        if not STATM.exists():
            return False
        if self._trials <= WARM:
            self._warm = resident()
        return resident() > GROWTH * self._warm


def resident() -> int:
    """Return this process's resident size in bytes (Linux)."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
