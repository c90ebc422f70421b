import atexit
import contextlib
import functools
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from src.tracking.envelope import RECORDS, Envelope
from src.tracking.store import open_store, tracking_uri, unreachable

ROUND = 1.0  # seconds between two looks at a running trial; its epochs since then are one request
FIRST_PAUSE, LAST_PAUSE = 0.5, 30.0  # seconds, after a delivery that failed
PATIENCE = 10.0  # seconds without progress that an exit waits for a server that does not answer, unless told
LONG_PATIENCE = 60.0  # seconds, for one that does

log = logging.getLogger(__name__)


def courier(experiment: str, uri: str | None, patience: float = PATIENCE) -> "Courier":
    """Return this process's courier to a store; it opens the store when there is something to deliver.

    Args:
        experiment: Name of the MLflow experiment.
        uri: As in `tracking.uri`.
        patience: Seconds without progress for which `settle` and `flush` wait for a server that does not answer.
    """
    return _courier(experiment, tracking_uri(uri), patience)


@functools.cache
def _courier(experiment: str, address: str, patience: float) -> "Courier":
    started = Courier(experiment, address, patience)
    started.start()
    atexit.register(started.stop)
    return started


class Courier(threading.Thread):
    """Brings this process's envelopes to MLflow, in the background: while it cannot, nobody waits but they."""

    def __init__(self, experiment: str, uri: str, patience: float = PATIENCE) -> None:
        super().__init__(name="courier", daemon=True)
        self._experiment, self._uri, self._patience = experiment, uri, patience
        self._envelopes: list[Envelope] = []
        self._wake = threading.Event()
        self._stopping = threading.Event()

    def take(self, envelope: Envelope) -> None:
        """Deliver an envelope, now and while it is written."""
        self._envelopes.append(envelope)
        self.hurry()

    def adopt(self, outbox: Path) -> None:
        """Deliver, too, what dead processes left in an outbox."""
        for folder in waiting(outbox):
            if (envelope := Envelope.adopt(folder)) is not None:
                self.take(envelope)

    def hurry(self) -> None:
        """Deliver at once what is written."""
        self._wake.set()

    def settle(self, outbox: Path) -> list[Path]:
        """Adopt what is in an outbox, and wait until it is delivered, also by other processes; return what is not.

        Waits as long as there is progress.
        """

        def left() -> list[Path]:
            self.adopt(outbox)
            return waiting(outbox)

        return self._wait(left)

    def flush(self) -> list[Path]:
        """Do as `settle` for the envelopes that this process has."""
        self.hurry()
        return self._wait(lambda: [envelope.folder for envelope in list(self._envelopes)])

    def _wait(self, left: Callable[[], list[Path]]) -> list[Path]:
        seen, since = None, time.monotonic()
        while folders := left():
            if (now := _modified(folders)) != seen:
                seen, since = now, time.monotonic()
            quiet = time.monotonic() - since
            if quiet > max(LONG_PATIENCE, self._patience) or (quiet > self._patience and unreachable(self._uri)):
                return folders
            time.sleep(0.05)
        return []

    def stop(self) -> None:
        """End the thread: a process that is taken down below it, while it draws, would abort. The rest waits."""
        self._stopping.set()
        self.hurry()
        self.join(PATIENCE)

    def run(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            self._wake.wait(ROUND if self._envelopes else None)
            self._wake.clear()
            try:
                self._deliver()
            except Exception as error:
                if pause == FIRST_PAUSE:
                    reason = "no answer" if unreachable(self._uri) else error
                    log.warning("MLflow at %s: %s; what is recorded waits", self._uri, reason)
                self._stopping.wait(pause)
                pause = min(2 * pause, LAST_PAUSE)
                self.hurry()
            else:
                pause = FIRST_PAUSE

    def _deliver(self) -> None:
        store = open_store(self._experiment, self._uri)
        for envelope in list(self._envelopes):
            if self._stopping.is_set():
                return
            self._envelopes.append(envelope)  # one that fails lets the others go first
            self._envelopes.remove(envelope)
            if envelope.deliver(store):
                envelope.discard()
                self._envelopes.remove(envelope)


def waiting(outbox: Path) -> list[Path]:
    """Return the envelopes in an outbox, oldest first."""
    return sorted(outbox.glob("[!.]*"), key=lambda folder: folder.suffix)


def _modified(folders: list[Path]) -> dict[Path, int]:
    found = {}
    for folder in folders:
        with contextlib.suppress(FileNotFoundError):  # delivered in the meantime
            found[folder] = (folder / RECORDS).stat().st_mtime_ns
    return found
