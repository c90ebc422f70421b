"""Waiting for a storage that does not answer."""

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from convsweep.errors import UserError, causes

giving_up = threading.Event()  # set when the user wants this process to end at once: nobody waits for a storage
T = TypeVar("T")
FIRST_PAUSE, LAST_PAUSE = 0.5, 30.0  # seconds, between two tries to reach a storage that does not answer
log = logging.getLogger(__name__)


def is_away(error: BaseException | None) -> bool:
    """Whether an error, or one that led to it, says that a database or a proxy cannot be reached, for now."""
    for cause in causes(error):
        origin = type(cause).__module__.partition(".")[0]
        if origin == "sqlalchemy" and type(cause).__name__ in ("OperationalError", "InterfaceError", "TimeoutError"):
            return True
        if origin == "sqlalchemy" and getattr(cause, "connection_invalidated", False):
            return True
        if origin == "grpc" and callable(code := getattr(cause, "code", None)):
            # A proxy says UNKNOWN of whatever it meets; this is how Optuna says that its database did not answer.
            unanswered = "raised during the commit" in str(getattr(cause, "details", str)())
            if getattr(code(), "name", "") in ("UNAVAILABLE", "DEADLINE_EXCEEDED") or unanswered:
                return True
        if isinstance(cause, ConnectionError):
            return True
    return False


def patiently(call: Callable[[], T], patience: float) -> T:
    """Call until there is an answer, for `patience` seconds, with growing pauses.

    Raises:
        UserError: There was none for too long.
    """
    since, pause = time.monotonic(), FIRST_PAUSE
    while True:
        try:
            return call()
        except Exception as error:
            if not is_away(error):
                raise
            waited = time.monotonic() - since
            if waited >= patience or giving_up.is_set():
                raise UserError(
                    f"`hydra.sweeper.storage` has not answered for {waited:.0f} s ({_reason(error)}), and "
                    f"hydra.sweeper.storage_patience={patience:g}; the same command goes on when it is back"
                ) from error
            if pause == FIRST_PAUSE:
                log.warning("the storage does not answer (%s); waiting for it", _reason(error))
            # Not all at once when it is back.
            giving_up.wait(min(pause * random.uniform(0.5, 1), max(0, patience - waited)))
            pause = min(2 * pause, LAST_PAUSE)


def _reason(error: BaseException) -> str:
    """Return the innermost error's first line: the driver's or the operating system's own words."""
    while error.__cause__ is not None:
        error = error.__cause__
    details = getattr(error, "details", None)
    words = details() if callable(details) else str(error)
    return (str(words).splitlines() or [type(error).__name__])[0]
