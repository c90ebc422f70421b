"""Optuna's journal file, made to survive what happens to files: a killed writer, a full disk, a power cut."""

import errno
import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, BinaryIO

from optuna.storages import BaseStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

# What a file system says that has no flock, such as some network ones.
NO_FLOCK = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


class Journal(JournalFileBackend):
    """A journal file that is whole again with the next write, whatever the last one left behind.

    A line counts once its newline is there: what stands behind the last newline was never confirmed to
    anybody, and is cut off before the next line is written. The lock is the kernel's: it is free as soon as
    its holder is dead, where Optuna's own makes everybody wait for half a minute.
    """

    _held: list[Mapping[str, Any]] | None = None

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write what is appended meanwhile at the end, all of it or none: one wait for the disk instead of many.

        Until then nobody reads it, this process neither.
        """
        held = self._held = []
        try:
            yield
        finally:
            self._held = None
        if held:
            self.append_logs(held)

    def append_logs(self, logs: Sequence[Mapping[str, Any]]) -> None:
        """Write all of the logs, or none of them.

        Raises:
            OSError: The disk is full, or the like; the file is as it was.
        """
        if self._held is not None:
            self._held += logs
            return
        data = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs).encode()
        with self._locked(), open(self._file_path, "r+b", buffering=0) as file:
            end = _cut_to_last_line(file)
            try:
                _write(file, data)
                os.fsync(file.fileno())
            except OSError:
                file.truncate(end)
                raise

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with open(self._file_path + ".flock", "ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError as error:
                if error.errno not in NO_FLOCK:
                    raise
                lock = JournalFileSymlinkLock(self._file_path)
                lock.acquire()
                try:
                    yield
                finally:
                    lock.release()
                return
            yield


def writes_at_once(storage: BaseStorage) -> bool:
    """Whether what is told to the storage inside of `together` is seen as a whole or not at all."""
    return isinstance(getattr(storage, "_backend", None), Journal)


def together(storage: BaseStorage) -> AbstractContextManager[None]:
    """Let a journal write at once what is told to the storage meanwhile, see `Journal.together`; others write on."""
    journal = getattr(storage, "_backend", None)
    return journal.together() if isinstance(journal, Journal) else nullcontext()


def _cut_to_last_line(file: BinaryIO) -> int:
    """Cut off what stands behind the last newline, and return the size that is left."""
    end = file.seek(0, os.SEEK_END)
    start = end
    while start:
        size = min(start, 4096)
        file.seek(start - size)
        newline = file.read(size).rfind(b"\n")
        if newline >= 0:
            start += newline + 1 - size
            break
        start -= size
    if start < end:
        file.truncate(start)
    file.seek(start)
    return start


def _write(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
