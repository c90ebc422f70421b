"""What one attempt at a trial records: a folder in the outbox, with a line of JSON for each record."""

import contextlib
import fcntl
import glob
import json
import os
import shutil
import socket
import time
from io import BufferedWriter
from pathlib import Path
from typing import Any

RECORDS = "records.jsonl"
CLAIM = "delivery"  # whose lock is held by the process that delivers the envelope
MODEL = "model"
SERVED = ".served"  # in an outbox: its lock is held by the process that delivers all that is written there


class Envelope:
    """An envelope, as the process sees it that writes it.

    That process holds the lock on its records, and the one that delivers it, the same or another, that on its claim;
    the operating system frees a lock when its process ends.
    """

    def __init__(self, folder: Path, file: BufferedWriter) -> None:
        self.folder = folder
        self._file = file

    @classmethod
    def create(cls, outbox: Path, name: str, claimed: bool) -> "Envelope":
        """Start an envelope.

        Args:
            outbox: The folder that it lies in.
            name: Its name, to which the time is added.
            claimed: Whether this process is going to deliver it, so that who serves the outbox does not.

        Raises:
            OSError: The outbox cannot be written to.
        """
        outbox.mkdir(parents=True, exist_ok=True)
        folder = outbox / f"{name}.{time.time_ns()}"
        hidden = outbox / f".{folder.name}"  # nobody looks at it yet
        hidden.mkdir()
        file = (hidden / RECORDS).open("ab")
        fcntl.flock(file, fcntl.LOCK_EX)
        if claimed:
            (hidden / CLAIM).touch()
        hidden.rename(folder)
        return cls(folder, file)

    def write(self, record: dict[str, Any]) -> None:
        """Append a record.

        Raises:
            OSError: It cannot be written now; Python keeps it, and writes it before the next one.
        """
        self._file.write(json.dumps(record).encode() + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Write no more."""
        self._file.close()


def waiting(outbox: Path) -> list[Path]:
    """Return the envelopes in an outbox, oldest first."""
    return sorted(outbox.glob("[!.]*"), key=lambda folder: folder.suffix)


def discard(outbox: Path, name: str) -> None:
    """Remove what an earlier process has left undelivered of that name: all of it is about to be written anew."""
    for folder in outbox.glob(f"{glob.escape(name)}.*"):
        shutil.rmtree(folder, ignore_errors=True)


def serve(outbox: Path) -> BufferedWriter | None:
    """Tell this machine's other processes that this one delivers what they write; None if somebody does already.

    Until the file that is returned is closed, or the process ends.
    """
    with contextlib.suppress(OSError):
        outbox.mkdir(parents=True, exist_ok=True)
        file = (outbox / SERVED).open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return None
        file.truncate(0)
        file.write(socket.gethostname().encode())
        file.flush()
        return file
    return None


def is_served(outbox: Path) -> bool:
    """Whether a process of this machine delivers what is written to an outbox.

    Many machines that share a folder would be too much for one process.
    """
    try:
        with (outbox / SERVED).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return (outbox / SERVED).read_bytes() == socket.gethostname().encode()
    except OSError:
        return False
    return False


def is_abandoned(records: int) -> bool:
    """Whether nobody writes to an envelope any more, by a descriptor of its records."""
    try:
        fcntl.flock(records, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def modified(folders: list[Path]) -> dict[Path, int]:
    """Return when each envelope was last written to, or delivered in part."""
    found = {}
    for folder in folders:
        with contextlib.suppress(FileNotFoundError):  # delivered in the meantime
            found[folder] = os.stat(folder / RECORDS).st_mtime_ns
    return found
