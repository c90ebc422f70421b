"""The files that a trial goes on from, and the disk that they take."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convsweep import TrialHandle

CHECKPOINT = "checkpoint.npz"  # in a trial's folder; that of a later fold has its number: checkpoint-2.npz
FOLDS = "folds.npz"  # what its finished folds came to
MEGABYTE = 10**6


def checkpoint_of(folder: Path, fold: int = 1) -> Path:
    """Return the checkpoint of a fold in a trial's folder: none that another fold left can be taken for its own."""
    file = folder / CHECKPOINT
    return file if fold == 1 else file.with_stem(f"{file.stem}-{fold}")


def remove_checkpoints(folder: Path) -> None:
    """Delete all that a trial would go on from; it has come to its end."""
    for name in (CHECKPOINT, FOLDS):
        for file in folder.glob(f"{Path(name).stem}*"):  # with what was being written
            file.unlink(missing_ok=True)


def bound_checkpoints(trial: "TrialHandle | None", megabytes: int) -> None:
    """Delete checkpoints of paused trials, the least promising first, until the others fit into `megabytes`."""
    if trial is None:
        return
    sizes = {}
    for number in trial.paused:
        for file in _checkpoints(trial.directory.parent / f"trial-{number:04d}"):
            with suppress(FileNotFoundError):  # another worker deletes as well
                sizes[file] = file.stat().st_size
    total = sum(sizes.values())
    for file, size in sizes.items():
        if total <= megabytes * MEGABYTE:
            return
        file.unlink(missing_ok=True)
        total -= size


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"{Path(CHECKPOINT).stem}*.npz"))
