"""Where a worker's process starts: it takes the worker from its keeper, runs it, and says what came of it."""

import os
import signal
import socket
import sys
import threading

from convsweep.errors import is_disk_full
from convsweep.workers.process import FULL, STOP
from convsweep.workers.terminal import watch_readers


def main() -> None:
    """Run the worker that comes by standard input, the line to the keeper."""
    run(take_line())


def take_line() -> socket.socket:
    """Return the line that is standard input, and leave nothing in its place."""
    line = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return line


def run(line: socket.socket) -> None:
    """Run the worker that comes by the line; end the process with it, and as soon as the keeper is dead."""
    import cloudpickle
    from hydra.core.plugins import Plugins
    from hydra.core.singleton import Singleton
    from hydra.core.utils import setup_globals

    from convsweep.workers.trial import stop_requested

    signal.signal(signal.SIGTERM, lambda *_: stop_requested.set())
    # Ctrl-C is the driver's to hear. While a trial runs the signal does what its app expects, see `App`.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    payload = _read(line, int.from_bytes(_read(line, 8), "little"))
    threading.Thread(target=_listen, args=(line,), daemon=True).start()
    watch_readers()
    setup_globals()
    singletons, worker = cloudpickle.loads(payload)
    if found := Singleton._instances.get(Plugins):  # by the process that forked this one
        singletons["instances"][Plugins] = found
    Singleton.set_state(singletons)
    try:
        word = worker()
    except OSError as error:
        if not is_disk_full(error):
            raise
        word = FULL
    line.sendall(f"{word}\n".encode())
    sys.exit()


def _read(line: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        if not (more := line.recv(min(size - len(data), 1 << 20))):
            os._exit(1)
        data += more
    return bytes(data)


def _listen(line: socket.socket) -> None:
    """Hear the keeper's word, and its death."""
    from convsweep.workers.trial import stop_requested

    while word := line.recv(1):
        if word == STOP:
            stop_requested.set()
    os._exit(1)
