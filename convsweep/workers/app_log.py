"""The way of an app's log to the driver's terminal: a line of a trial's, above what the driver shows.

Where a worker cannot reach the driver, on another machine, the log goes where its launcher keeps a job's output.
"""

import functools
import logging
import socket
import sys
import threading
from contextlib import suppress
from typing import Any

from rich.console import Console
from rich.text import Text

LONGEST = 16_000  # characters of a message that the terminal gets; the trial's file has all of it
PATIENCE = 1.0  # seconds for which a trial waits for a driver that does not listen
LOOK = 0.2


def _address(driver: str) -> str:
    return f"\0convsweep-log-{driver}"  # of Linux, and no file: it is gone with its driver


class AppLog:
    """Prints what the workers of a driver send; use as a context manager around the launch."""

    def __init__(self, driver: str, console: Console) -> None:
        self._console = console
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        with suppress(OSError):  # a system without such addresses
            self._line.bind(_address(driver))
        self._line.settimeout(LOOK)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> "AppLog":
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._over.set()
        self._thread.join()
        self._line.close()

    def _follow(self) -> None:
        while True:
            try:
                text = self._line.recv(8 * LONGEST).decode(errors="replace")
            except OSError:
                if self._over.is_set():
                    return
                continue
            # Colours are the formatter's; nothing else in it is for the terminal.
            self._console.print(Text.from_ansi(text), soft_wrap=True, highlight=False)


class _Sender(logging.Handler):
    """Sends what another handler would have written to this process's terminal."""

    def __init__(self, line: socket.socket, trial: int, instead: logging.Handler) -> None:
        super().__init__(instead.level)
        self.setFormatter(instead.formatter)
        self.filters = instead.filters
        self._line, self._trial = line, trial

    def emit(self, record: logging.LogRecord) -> None:
        try:
            lines = self.format(record)[:LONGEST].splitlines() or [""]
            text = "\n".join(f"trial {self._trial}: {line}" for line in lines)
            self._line.send(text.encode(errors="replace"))
        except Exception:  # the driver is dead or busy, or the message cannot be formatted: no reason to lose a trial
            pass


def send_log(driver: str, trial: int) -> None:
    """Let what the job's log would write to the terminal be shown by the driver, with the trial's number."""
    line = _line_to(driver)
    if line is None:
        return
    named = [logger for logger in logging.root.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    for logger in (logging.getLogger(), *named):
        for handler in list(logger.handlers):
            if type(handler) is logging.StreamHandler and handler.stream in (sys.stdout, sys.stderr):
                logger.removeHandler(handler)
                logger.addHandler(_Sender(line, trial, handler))


@functools.cache
def _line_to(driver: str) -> socket.socket | None:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        line.connect(_address(driver))
    except OSError:
        line.close()
        return None
    line.settimeout(PATIENCE)
    return line
