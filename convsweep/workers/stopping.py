"""Stopping a sweep in order: Ctrl-C, SIGTERM, a closed terminal and the sweep's time limit, passed on to workers."""

import signal
import threading
import time
from typing import TYPE_CHECKING, Any

from rich.console import Console

from convsweep.display.words import say
from convsweep.policy.policy import Phase
from convsweep.policy.time_budget import TimeBudget
from convsweep.storage.patience import giving_up
from convsweep.workers.terminal import leave_terminal
from convsweep.workers.trial import STOP, stop_requested

if TYPE_CHECKING:
    from optuna import Study

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERVAL = 0.2  # seconds between two looks at the signal and the clock


class Stopping:
    """Tells the workers through the study's attributes; use as a context manager around the launch.

    The first Ctrl-C (or SIGTERM, or SIGHUP, of a terminal that is closed, unless `nohup` keeps it away) lets running
    trials end at their next epoch, where they are saved; the second raises KeyboardInterrupt. After the time limit no
    new trial starts.

    Attributes:
        driver: The id under which this driver's workers look for the message.
        interrupted: Whether the user stopped the sweep.
    """

    def __init__(
        self, study: "Study", driver: str, timeout: float | None, console: Console, budget: "TimeBudget | None" = None
    ) -> None:
        self.driver = driver
        self.interrupted = self._quietly = False
        self._budget = budget
        self._study, self._console = study, console
        # Not the clock on the wall, which may be set anew meanwhile.
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> "Stopping":
        if self._budget is not None:
            self._budget.look()
        self._handlers = {
            number: signal.signal(number, self._hear)
            for number in SIGNALS
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN
        }
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._over.set()
        stop_requested.clear()
        for number, handler in self._handlers.items():
            if signal.getsignal(number) == self._hear:
                signal.signal(number, handler)
        self._thread.join()
        if self._budget is not None:
            self._budget.save()

    @property
    def finishing(self) -> Phase:
        """Whether only what the answer needs is to be trained any more."""
        return self._budget.finishing if self._budget is not None else False

    @property
    def by_user(self) -> bool:
        """Whether the user ends the sweep, before anything went wrong."""
        return self.interrupted and not self._quietly

    @property
    def asked(self) -> bool:
        """Whether no further trial is to start."""
        return self.interrupted or self._is_late

    @property
    def timed_out(self) -> bool:
        """Whether the time limit has ended the sweep, and not the user."""
        return self._is_late and not self.interrupted

    @property
    def _is_late(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def at_once(self) -> None:
        """End the launch now; may be called from any thread."""
        self._quietly = not self.interrupted
        self.interrupted = True
        if not self._over.is_set():  # else the launch has ended by itself
            signal.raise_signal(signal.SIGINT)

    def _hear(self, number: int, _: Any) -> None:
        if number == signal.SIGHUP:
            leave_terminal()
            if self.interrupted:
                return
        if self.interrupted:
            giving_up.set()
            raise KeyboardInterrupt
        self.interrupted = True
        stop_requested.set()  # for a worker in this very process, which may look sooner than the study can tell it

    def _follow(self) -> None:
        told = False
        while not self._over.wait(INTERVAL):
            if self.interrupted:
                self._tell("now")
                if not self._quietly:  # else what went wrong is said in a moment
                    say(self._console, "stopping: running trials end at their next epoch; Ctrl-C again stops at once")
                return
            if self._budget is not None:
                self._budget.look()
            if self.asked and not told:
                told = True
                self._tell("no more trials")

    def _tell(self, word: str) -> None:
        try:
            self._study.set_user_attr(STOP + self.driver, word)
        except OSError:  # the disk is full: the workers cannot hear of it
            self.at_once()
