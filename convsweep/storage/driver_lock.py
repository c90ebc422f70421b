"""The one driver of a study that is kept in a file: who it is, and that there is no other."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from convsweep.errors import UserError
from convsweep.storage.address import is_local
from convsweep.storage.folder import folder_name

LOCK = "driver.lock"


def lock_files(storage: str | None, directory: Path, name: str) -> list[Path]:
    """Return what the one driver of a study holds: in its folder, and beside a file that others may name, too."""
    if not is_local(storage):
        return []
    locks = [directory / LOCK]
    file = (storage or "").removeprefix("sqlite:///")
    if file and "://" not in file and ":memory:" not in file:
        Path(file).absolute().parent.mkdir(parents=True, exist_ok=True)
        locks.append(Path(f"{Path(file).absolute()}.{folder_name(name)}.lock"))
    return locks


@contextmanager
def only_driver(lock: Path, directory: Path, instead: str | None = None) -> Iterator[None]:
    """Hold a study's lock, with this process's id in it; the operating system frees it when the process ends.

    Args:
        lock: The file.
        directory: The study's folder.
        instead: The command that begins another study, None where there is no such.

    Raises:
        UserError: Another process holds it.
    """
    with lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            choices = f"wait for it, stop it, or begin another one: {instead}" if instead else "wait for it, or stop it"
            raise UserError(
                f"the study in {os.path.relpath(directory)} is being run by process {file.read().strip()}; {choices}"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def driver_of(directory: Path) -> str | None:
    """Return the id of the process that holds the study's lock, or None when nobody does."""
    try:
        with (directory / LOCK).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return file.read().strip()
    except FileNotFoundError:
        pass
    return None
