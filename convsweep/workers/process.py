"""A worker's process as its keeper holds it: started, waited for, told to stop, killed; and its last word.

What a process says of its end counts, not its exit status: an app may end it with any.
"""

import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

# The last words: nothing is left to do; go on in a fresh process; it was told to stop, by a signal, and which trial
# waits for that; the study's disk is full.
DONE, RECYCLE, STOPPED, FULL = "done", "recycle", "stopped", "full"
STOP = b"s"  # from the keeper: let the trial be saved, and end
# Runs before anything of the project can be found: it sets the path up first.
START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from {module} import main; main()"


class WorkerProcess:
    """A process and the line to it: a socket whose end, on either side, says that the other side is dead.

    Args:
        pid: The process's id.
        line: The keeper's end.
        handle: A file descriptor that can be read from when the process has ended (Linux's pidfd), or None.
        reap: Waits for the process for so many seconds; returns whether it has ended.
        status: Returns its exit status once it has, minus the signal that killed it, or None where nobody knows.
    """

    def __init__(
        self,
        pid: int,
        line: socket.socket,
        handle: int | None,
        reap: Callable[[float], bool],
        status: Callable[[], int | None],
        kill: Callable[[], None],
    ) -> None:
        self.pid = pid
        self._line, self._handle, self._reap, self._status, self._kill = line, handle, reap, status, kill
        self._said = b""

    @property
    def status(self) -> int | None:
        """Its exit status, minus the signal that killed it; None while it runs, or where nobody knows."""
        return self._status()

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
        if self._handle is not None:
            if not select.select([self._handle], [], [], within)[0]:
                return False
            within = 5.0  # it is there to be reaped
        return self._reap(within)

    def kill(self) -> None:
        """Kill it, unless it has ended."""
        if not self.ended(0):
            self._kill()
            self.ended(60)

    def close(self) -> None:
        """Let go of it after its end; its last word stays known."""
        self._hear()
        self._line.close()
        if self._handle is not None:
            os.close(self._handle)

    def _hear(self) -> None:
        with suppress(OSError):
            while data := self._line.recv(4096, socket.MSG_DONTWAIT):
                self._said += data


def start_process(environment: Mapping[str, str], folder: str) -> WorkerProcess:
    """Start a process of its own for a worker.

    Args:
        environment: What it finds as its environment.
        folder: Its working directory, if it is there.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        # A session of its own keeps Ctrl-C from it: the driver hears that, and lets the trials end in order.
        process = subprocess.Popen(
            [sys.executable, "-c", START.format(module="convsweep.workers.start"), json.dumps(sys.path)],
            stdin=theirs.fileno(),
            env=environment,
            cwd=folder if Path(folder).is_dir() else None,
            start_new_session=True,
        )

    def reap(seconds: float) -> bool:
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        return process.returncode is not None

    return WorkerProcess(process.pid, ours, _handle(process.pid), reap, lambda: process.returncode, process.kill)


def _handle(pid: int) -> int | None:
    """Return a descriptor that tells of a child's end at once, where the kernel has such."""
    with suppress(OSError, AttributeError):
        return os.pidfd_open(pid)
    return None
