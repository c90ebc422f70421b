"""Whether there is room left where a study lives: an app's disk may be another one."""

import errno
import os
import tempfile
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)
PROBE = 1 << 20  # bytes; less room than this, and what a trial leaves in its folder is soon cut short


def is_full(directory: Path, storage: str | None = None) -> bool:
    """Whether a study's disk is full, found out by writing: no number of the system's knows of quotas.

    Args:
        directory: The study's folder.
        storage: As in `hydra.sweeper.storage`: a journal's path may lie elsewhere.
    """
    folders = {directory}
    if storage is not None and "://" not in storage:
        folders.add(Path(storage).absolute().parent)
    return any(map(_has_no_room, folders))


def _has_no_room(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(os.urandom(PROBE))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.errno in FULL
    return False
