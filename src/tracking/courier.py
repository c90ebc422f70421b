import atexit
import functools
import logging
import threading
import time
from collections.abc import Callable
from io import BufferedWriter
from pathlib import Path

from src.tracking.address import Address
from src.tracking.asking import unreachable
from src.tracking.delivery import Delivery, NoParentYet
from src.tracking.envelope import CLAIM, modified, serve, waiting
from src.tracking.store import DRIVER, ROLE, Refused, Store, open_address

ROUND = 1.0  # seconds between two looks at a running trial; its epochs since then are one request
FIRST_PAUSE, LAST_PAUSE = 0.5, 30.0  # seconds, after a delivery that failed
PATIENCE = 10.0  # seconds without progress that an exit waits for a server that does not answer, unless told
LONG_PATIENCE = 60.0  # seconds, for one that does
MOST = 100  # envelopes at a time, each of which takes two open files

log = logging.getLogger(__name__)


def courier(experiment: str | None, uri: str | None, patience: float = PATIENCE) -> "Courier":
    """Return this process's courier to a store; it opens the store when there is something to deliver.

    Args:
        experiment: As in `tracking.experiment`.
        uri: As in `tracking.uri`.
        patience: Seconds without progress for which `settle` and `flush` wait for a server that does not answer.
    """
    return _courier(Address.of(experiment, uri), patience)


@functools.cache
def _courier(address: Address, patience: float) -> "Courier":
    started = Courier(address, patience)
    started.start()
    atexit.register(started.stop)
    return started


class Courier(threading.Thread):
    """Brings envelopes to MLflow, in the background, each to its own address: while one cannot, nobody waits but they.

    MLflow is imported when the first of them has an epoch: nothing is to train later for it.

    Attributes:
        address: Where this process records; envelopes say themselves where they go.
    """

    def __init__(self, address: Address, patience: float = PATIENCE) -> None:
        super().__init__(name="courier", daemon=True)
        self.address = address
        self._patience = patience
        self._deliveries: list[Delivery] = []
        self._served: tuple[Path, BufferedWriter | None] | None = None
        self._parent_of: Callable[[Store, str], str | None] = _find_parent
        self._parents: dict[tuple[Address, str], str] = {}
        self._away: dict[Address, tuple[float, float, str]] = {}  # until when to wait, how long that is, and why
        self._refused: dict[Path, str] = {}
        self._runs: dict[Path, str] = {}  # the run of each envelope that is, or was, delivered
        self._begun = False  # a trial trains, or is not going to: MLflow may be imported
        self._wake = threading.Event()
        self._stopping = threading.Event()

    def take(self, folder: Path) -> None:
        """Deliver an envelope, now and while it is written."""
        if folder not in self._refused and (delivery := Delivery.claim(folder)) is not None:
            self._deliveries.append(delivery)
            self.hurry()

    def adopt(self, outbox: Path) -> None:
        """Deliver, too, what is in an outbox and nobody else delivers."""
        for folder in waiting(outbox):
            if len(self._deliveries) < MOST:
                self.take(folder)

    def serve(self, outbox: Path, parent_of: Callable[[Store, str], str | None]) -> None:
        """Deliver, until `leave`, what this machine's processes write to an outbox, while they write it.

        Args:
            outbox: The folder.
            parent_of: Returns the id of the study's run in a store, below which a driver's trials go.
        """
        self._parent_of = parent_of
        self._served = (outbox, serve(outbox))
        self.adopt(outbox)
        self.hurry()

    def leave(self) -> None:
        """Serve the outbox no longer."""
        served, self._served = self._served, None
        if served and served[1]:
            served[1].close()

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
        """Do as `settle` for the envelopes that this process has, but for those of another server that is away."""

        def left() -> list[Path]:
            addresses = {one.folder: one.address(self.address) for one in list(self._deliveries)}
            mine = [folder for folder, to in addresses.items() if to == self.address or to not in self._away]
            return [*mine, *self._refused]

        return self._wait(left)

    def run_of(self, folder: Path) -> str | None:
        """Return the id of an envelope's run; None when MLflow has not got it yet."""
        return self._runs.get(folder)

    def why(self, folder: Path) -> str:
        """Say why an envelope is not delivered."""
        if folder in self._refused:
            return self._refused[folder]
        delivery = next((one for one in list(self._deliveries) if one.folder == folder), None)
        address = delivery.address(self.address) if delivery else self.address
        return f"{address}: {self._away[address][2]}" if address in self._away else f"{address}: not yet delivered"

    def _wait(self, left: Callable[[], list[Path]]) -> list[Path]:
        self._begun = True
        self.hurry()
        seen, since = None, time.monotonic()
        while folders := left():
            if not (hopeful := [folder for folder in folders if folder not in self._refused]):
                return folders
            if (now := modified(hopeful)) != seen:
                seen, since = now, time.monotonic()
            quiet = time.monotonic() - since
            if quiet > max(LONG_PATIENCE, self._patience) or (quiet > self._patience and self._all_away()):
                return folders
            time.sleep(0.05)
        return []

    def _all_away(self) -> bool:
        """Whether nothing that is left has a server that answers."""
        addresses = {delivery.address(self.address) for delivery in list(self._deliveries)} or {self.address}
        return all(unreachable(address.uri) for address in addresses)

    def stop(self) -> None:
        """End the thread: a process that is taken down below it, while it draws, would abort. The rest waits."""
        self._stopping.set()
        self.hurry()
        self.join(PATIENCE)

    def run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(ROUND if self._deliveries or self._served else None)
            self._wake.clear()
            self._look()
            if self._begun or any(delivery.has_trained() for delivery in list(self._deliveries)):
                self._begun = True
                self._deliver()

    def _look(self) -> None:
        """Take on what others have begun to write to the outbox that this process serves."""
        if not self._served:
            return
        outbox, file = self._served
        if file is None and (file := serve(outbox)) is not None:
            self._served = (outbox, file)
        if file is not None:
            for folder in waiting(outbox):
                if len(self._deliveries) < MOST and not (folder / CLAIM).exists():
                    self.take(folder)

    def _deliver(self) -> None:
        for delivery in list(self._deliveries):
            if self._stopping.is_set():
                return
            address = delivery.address(self.address)
            until, pause, _ = self._away.get(address, (0.0, 0.0, ""))
            if time.monotonic() < until:
                continue
            try:
                done = delivery.deliver(open_address(address), self._parent)
            except NoParentYet:
                continue
            except Refused as error:
                self._refuse(delivery, str(error))
            except Exception as error:
                reason = "no answer" if unreachable(address.uri) else str(error).partition("\n")[0]
                if not pause:
                    log.warning("MLflow at %s: %s; what is recorded waits", address.uri, reason)
                pause = min(2 * pause, LAST_PAUSE) or FIRST_PAUSE
                self._away[address] = (time.monotonic() + pause, pause, reason)
            else:
                self._away.pop(address, None)
                self._runs[delivery.folder] = delivery.run_id
                if done:
                    delivery.discard()
                    self._deliveries.remove(delivery)

    def _refuse(self, delivery: Delivery, reason: str) -> None:
        if reason not in self._refused.values():
            log.warning("%s; what is recorded waits in %s", reason, delivery.folder.parent)
        self._refused[delivery.folder] = reason
        self._deliveries.remove(delivery)
        delivery.release()

    def _parent(self, store: Store, driver: str) -> str | None:
        key = (store.address, driver)
        if key not in self._parents and (found := self._parent_of(store, driver)) is not None:
            self._parents[key] = found
        return self._parents.get(key)


def _find_parent(store: Store, driver: str) -> str | None:
    where = f"tags.`{ROLE}` = 'study' and tags.`{DRIVER}{driver}` = 'yes'"
    found = store.client.search_runs([store.experiment_id], where, max_results=1)
    return found[0].info.run_id if found else None
