"""The disk that the checkpoints of trials take."""

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convsweep import TrialHandle

CHECKPOINT = "checkpoint.npz"  # in a trial's folder
MEGABYTE = 10**6


def bound_checkpoints(trial: "TrialHandle | None", megabytes: int) -> None:
    """Delete checkpoints of paused trials, the least promising first, until the others fit into `megabytes`."""
    if trial is None:
        return
    sizes = {}
    for number in trial.paused:
        file = trial.directory.parent / f"trial-{number:04d}" / CHECKPOINT
        with suppress(FileNotFoundError):  # another worker deletes as well
            sizes[file] = file.stat().st_size
    total = sum(sizes.values())
    for file, size in sizes.items():
        if total <= megabytes * MEGABYTE:
            return
        file.unlink(missing_ok=True)
        total -= size
