"""The keepers' side of the process that workers are forked from: one import a machine, however many workers it has."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, Self

from convsweep.errors import UserError
from convsweep.workers.process import MESSAGE, START, ForkedProcess, readable

POLL = 0.2  # seconds between two looks at whether the process that is waited for is still wanted
MAX_DEATHS = 3  # of such processes in a row that died before they forked one


class ForkServer:
    """Starts a process that imports modules, and lets it fork workers; when it is killed, another one.

    Workers that are running do not need it. May be used by several threads; use as a context manager.

    Args:
        modules: What to import, `hydra.sweeper.preload`.
    """

    def __init__(self, modules: Sequence[str]) -> None:
        self._modules = list(modules)
        self._lock = threading.Lock()
        self._problem: str | None = None
        self._deaths = 0
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self._line.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1 if self._ready else 0)  # while it imports, it has no children to tell of
        self._process.kill()
        self._process.wait()

    def fork(self, environment: Mapping[str, str], folder: str, unwanted: Callable[[], bool]) -> ForkedProcess | None:
        """Return a worker's process as soon as everything is imported, or None when it is `unwanted` before that.

        Raises:
            UserError: A module cannot be imported.
            OSError: The machine has no room for another process.
        """
        while not unwanted():
            if not self._lock.acquire(timeout=POLL):
                continue
            try:
                if self._problem is None and self._is_ready():
                    return self._fork(environment, folder)
            except (EOFError, ConnectionError):
                self._bury()
            finally:
                self._lock.release()
            if self._problem is not None:
                raise UserError(self._problem)
        return None

    def _start(self) -> None:
        self._environment, self._ready = dict(os.environ), False
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            code = START.format(module="convsweep.workers.forking")
            self._process = subprocess.Popen(
                [sys.executable, "-c", code, json.dumps(sys.path), json.dumps(self._modules)],
                stdin=theirs.fileno(),
                env=self._environment,
                start_new_session=True,
            )

    def _is_ready(self) -> bool:
        if not self._ready and readable(self._line, POLL):
            answer, _ = self._receive()
            if "problem" in answer:
                self._problem = f"`hydra.sweeper.preload`: {answer['problem']}; mend it, or take it out of the list"
            self._ready = "ready" in answer
        return self._ready

    def _fork(self, environment: Mapping[str, str], folder: str) -> ForkedProcess:
        request = {
            "put": {name: value for name, value in environment.items() if self._environment.get(name) != value},
            "take": [name for name in self._environment if name not in environment],
            "folder": folder,
        }
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(self._line, [json.dumps(request).encode()], [theirs.fileno()])
            answer, descriptors = self._receive()
            if "errno" in answer:
                raise OSError(answer["errno"], os.strerror(answer["errno"]))
        except BaseException:
            ours.close()
            raise
        self._deaths = 0
        return ForkedProcess(answer["pid"], ours, *descriptors)

    def _receive(self) -> tuple[dict[str, Any], list[int]]:
        data, descriptors, _, _ = socket.recv_fds(self._line, MESSAGE, 2)
        if not data:
            raise EOFError
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        return json.loads(data), descriptors

    def _bury(self) -> None:
        """Start another one in the dead one's place, unless they die again and again."""
        self._line.close()
        self._process.kill()
        self._process.wait()
        self._deaths += 1
        if self._deaths == MAX_DEATHS:
            self._problem = (
                f"`hydra.sweeper.preload`: the process that imports {', '.join(self._modules)} "
                f"{_ended(self._process.returncode)}, {MAX_DEATHS} times; type hydra.sweeper.preload=[] to do without"
            )
        else:
            self._start()


def forking(modules: Sequence[str]) -> "AbstractContextManager[ForkServer | None]":
    """Start what workers are forked from; None where nothing is to be imported first, or where that is impossible."""
    return ForkServer(modules) if modules and _is_possible() else nullcontext()


def _is_possible() -> bool:
    """Whether the system has handles on processes that are no children of one's own (Linux 5.3)."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (OSError, AttributeError):
        return False
    return True


def _ended(status: int) -> str:
    return f"ended with status {status}" if status >= 0 else f"was killed by {signal.Signals(-status).name}"
