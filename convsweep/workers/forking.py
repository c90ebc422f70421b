"""The process that a machine's workers are forked from: it has imported what they need, and does nothing else.

It has one thread of Python's own, no session, no device, and answers one request after the other: fork. Its children
are forked anew as often as they die, grow or end, each in a few milliseconds, and share the imported pages.
"""

import fcntl
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from convsweep.study.failure import words_of
from convsweep.workers.process import MESSAGE, STATUS
from convsweep.workers.start import run, take_line

# What a worker needs, whatever its app.
OWN = (
    "antlr4.LL1Analyzer",
    "cloudpickle",
    "hydra._internal.logging_config",
    "omegaconf._impl",
    "optuna.pruners",
    "optuna.samplers",
    "convsweep.storage.journal",
    "convsweep.storage.shared_storage",
    "convsweep.workers.worker",
)


def main() -> None:
    """Import what is asked for, and fork; the line to the keepers is standard input."""
    from hydra.core.plugins import Plugins
    from hydra.core.utils import setup_globals

    keepers = take_line()
    _end_with(keepers)
    setup_globals()
    gc.disable()  # what is imported stays: there is no garbage in it to be looked for, again and again
    if problem := preload([*OWN, *json.loads(sys.argv.pop())]):
        _send(keepers, {"problem": problem})
        sys.exit(1)
    Plugins.instance()  # else each worker would look for them
    _parse()
    gc.freeze()  # else the first collection in a child would touch, and so copy, every page
    gc.enable()
    fcntl.fcntl(keepers, fcntl.F_SETFL, 0)
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    _send(keepers, {"ready": True})
    run(serve(keepers))


def preload(modules: Sequence[str]) -> str | None:
    """Import the modules; return what is wrong with one. What they write to standard error is shown only then."""
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            problem = next(filter(None, map(_import, modules)), None)
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
        if problem:
            held.seek(0)
            sys.stderr.write(held.read().decode(errors="backslashreplace"))
            sys.stderr.flush()
    return problem


def _parse() -> None:
    """Let ANTLR learn Hydra's and OmegaConf's grammars, as it does by what is parsed first: 10 ms of each worker's."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from omegaconf import OmegaConf

    OverridesParser.create().parse_overrides(["group=option", "nested.key=1.5", "flag=true"])
    OmegaConf.to_yaml(OmegaConf.create({"key": "${other.key}/${oc.env:PATH,none}", "other": {"key": 1}}), resolve=True)


def _import(name: str) -> str | None:
    try:
        importlib.import_module(name)
    except BaseException as error:
        places = [place for place in traceback.extract_tb(error.__traceback__) if "importlib" not in place.filename]
        where = f", at {places[-1].filename}:{places[-1].lineno}" if places[1:] else ""
        return f"{name} cannot be imported ({type(error).__name__}: {words_of(error)[:1000]}{where})"
    others = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    return f"{name} starts threads ({', '.join(others)}), which a fork leaves behind" if others else None


def serve(keepers: socket.socket) -> socket.socket:
    """Fork a worker's process for each request, and say how each of them ended; in a child, return its line."""
    poll = select.poll()
    poll.register(keepers, select.POLLIN)
    children: dict[int, tuple[int, int]] = {}
    while True:
        for ready, _ in poll.poll():
            if ready in children:
                pid, told = children.pop(ready)
                status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                poll.unregister(ready)
                with suppress(BrokenPipeError):
                    os.write(told, status.to_bytes(STATUS, "little", signed=True))
                os.close(told)
                os.close(ready)
                continue
            try:
                data, received, _, _ = socket.recv_fds(keepers, MESSAGE, 1)
            except ConnectionError:  # with a request of theirs, or an answer of ours, on its way
                data, received = b"", []
            if not data:
                os._exit(0)  # the keepers are gone, and their lines to the workers with them
            (line,) = received
            status, told = os.pipe()
            sys.stdout.flush()
            sys.stderr.flush()
            try:
                pid = os.fork()
            except OSError as error:
                _send(keepers, {"errno": error.errno})
            else:
                if not pid:
                    for number in (keepers.detach(), status, told, *children, *(end for _, end in children.values())):
                        os.close(number)
                    return _become_worker(line, **json.loads(data))
                child = os.pidfd_open(pid)
                children[child] = (pid, told)
                poll.register(child, select.POLLIN)
                _send(keepers, {"pid": pid}, child, status)
            os.close(status)
            os.close(line)


def _become_worker(line: int, put: Mapping[str, str], take: Sequence[str], folder: str) -> socket.socket:
    """Let this child be what a process of its own would be."""
    os.setsid()  # keeps Ctrl-C from it, which is the driver's
    os.set_inheritable(line, False)
    for name in take:
        os.environ.pop(name, None)
    os.environ.update(put)
    with suppress(OSError):
        os.chdir(folder)
    if numpy := sys.modules.get("numpy.random"):  # Python's own generator does so by itself
        numpy.seed()
    return socket.socket(fileno=line)


def _send(keepers: socket.socket, message: Mapping[str, Any], *descriptors: int) -> None:
    try:
        socket.send_fds(keepers, [json.dumps(message).encode()], descriptors)
    except ConnectionError:
        os._exit(0)


def _end_with(keepers: socket.socket) -> None:
    """End during an import, too, as soon as the keepers are dead; by a signal, for a thread would be in the way."""

    def look(*_: Any) -> None:
        with suppress(BlockingIOError):
            try:
                data = keepers.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            except ConnectionError:
                data = b""
            if not data:
                os._exit(1)

    signal.signal(signal.SIGIO, look)
    fcntl.fcntl(keepers, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(keepers, fcntl.F_SETFL, os.O_ASYNC)
    look()
