"""A worker's process as its keeper holds it: started, waited for, told to stop, killed; and its last word.

What a process says of its end counts, not its exit status: an app may end it with any.
"""

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

# The last words: nothing is left to do; go on in a fresh process; it was told to stop, by a signal, and which trial
# waits for that; the study's disk is full.
DONE, RECYCLE, STOPPED, FULL = "done", "recycle", "stopped", "full"
MESSAGE = 1 << 16  # bytes at most, to and from the process that forks
STATUS = 4  # bytes in which an exit status is told
STOP = b"s"  # from the keeper: let the trial be saved, and end
# Runs before anything of the project can be found: it sets the path up first.
START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from {module} import main; main()"


def readable(line: socket.socket | int, within: float) -> bool:
    """Wait until there is something to read for so many seconds; return whether there is.

    Not by `select.select`, which knows descriptors below 1,024 only: the app may hold more open.
    """
    with selectors.DefaultSelector() as selector:
        selector.register(line, selectors.EVENT_READ)
        return bool(selector.select(within))


class WorkerProcess(ABC):
    """A process and the line to it: a socket whose end, on either side, says that the other side is dead.

    Args:
        pid: The process's id.
        line: The keeper's end.
        handle: A file descriptor that can be read from when the process has ended (Linux's pidfd), or None.
    """

    def __init__(self, pid: int, line: socket.socket, handle: int | None) -> None:
        self.pid = pid
        self._line, self._handle = line, handle
        self._said = b""

    @property
    @abstractmethod
    def status(self) -> int | None:
        """Its exit status, minus the signal that killed it; None while it runs, or where nobody knows."""

    @abstractmethod
    def _reap(self, within: float) -> bool:
        """Wait for its end for so many seconds, and take its exit status; return whether it has ended."""

    @abstractmethod
    def _kill(self) -> None: ...

    @property
    def last_word(self) -> str | None:
        """What it said last, if it came to that: one of the words above; after STOPPED may stand a trial's id."""
        self._hear()
        return self._said.decode("ascii", "replace").strip() if self._said.endswith(b"\n") else None

    def send(self, payload: bytes) -> None:
        """Send it the worker that it is to run."""
        with suppress(ConnectionError):
            self._line.sendall(len(payload).to_bytes(8, "little") + payload)

    def stop(self) -> None:
        """Let its trial be saved at the next epoch, and wait."""
        with suppress(OSError):
            self._line.send(STOP, socket.MSG_DONTWAIT)

    def ended(self, within: float) -> bool:
        """Wait for its end for so many seconds; return whether it has come."""
        if self._handle is not None and not readable(self._handle, within):
            return False
        return self._reap(within)

    def kill(self) -> None:
        """Kill it, unless it has ended."""
        if not self.ended(0):
            self._kill()
            self.ended(60)

    def close(self) -> None:
        """Let go of it after its end; its last word and status stay known."""
        self._hear()
        self._line.close()
        if self._handle is not None:
            os.close(self._handle)

    def _hear(self) -> None:
        with suppress(OSError):
            while data := self._line.recv(4096, socket.MSG_DONTWAIT):
                self._said += data


class FreshProcess(WorkerProcess):
    """A process of its own from the start.

    Args:
        environment: What it finds as its environment.
        folder: Its working directory, if it is there.
    """

    def __init__(self, environment: Mapping[str, str], folder: str) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            # A session of its own keeps Ctrl-C from it: the driver hears that, and lets the trials end in order.
            self._process = subprocess.Popen(
                [sys.executable, "-c", START.format(module="convsweep.workers.start"), json.dumps(sys.path)],
                stdin=theirs.fileno(),
                env=environment,
                cwd=folder if Path(folder).is_dir() else None,
                start_new_session=True,
            )
        handle = None
        with suppress(OSError, AttributeError):  # where the kernel has such
            handle = os.pidfd_open(self._process.pid)
        super().__init__(self._process.pid, ours, handle)

    @property
    def status(self) -> int | None:
        return self._process.returncode

    def _reap(self, within: float) -> bool:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(within)
        return self._process.returncode is not None

    def _kill(self) -> None:
        self._process.kill()


class ForkedProcess(WorkerProcess):
    """A process that another one has forked, and reaps.

    Args:
        pid: Its id.
        line: The keeper's end of the line to it.
        handle: Its pidfd.
        end: Where its exit status can be read from, unless the process that it was forked from is dead.
    """

    def __init__(self, pid: int, line: socket.socket, handle: int, end: int) -> None:
        super().__init__(pid, line, handle)
        self._pidfd, self._end = handle, end
        self._ended, self._known = False, None

    @property
    def status(self) -> int | None:
        return self._known

    def _reap(self, within: float) -> bool:
        if not self._ended:
            data = os.read(self._end, STATUS)
            self._known = int.from_bytes(data, "little", signed=True) if data else None
            self._ended = True
        return True

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def close(self) -> None:
        super().close()
        os.close(self._end)
