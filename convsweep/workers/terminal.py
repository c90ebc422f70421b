"""Where nobody reads any more: a terminal that is closed, a pipe whose reader has ended, as `| tee` does by Ctrl-C."""

import os
import select
import signal
import stat
import threading
import time
from contextlib import suppress

STREAMS = (1, 2)  # standard output and error
PAUSE = 1.0  # seconds until a stream that an app has closed or turned elsewhere is looked at again

_lost = 0


def leave_terminal() -> None:
    """Let nothing be written to a terminal that is closed, where each word would be an error; it is told of once."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the kernel and the shell both tell
    for number in STREAMS:
        with suppress(OSError):
            if stat.S_ISCHR(os.fstat(number).st_mode) and not os.isatty(number):
                turn_away(number)


def watch_readers() -> None:
    """Let nothing be written to a pipe, either, as soon as its reader has ended: an app's own words would fail it."""
    if piped := [number for number in STREAMS if _is_pipe(number)]:
        threading.Thread(target=_watch, args=(piped,), daemon=True).start()


def turn_away(number: int) -> None:
    """Let what is written to a standard stream go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def readers_lost() -> int:
    """Let nothing be written to pipes that nobody reads; return how many have been found so far."""
    global _lost
    for number in STREAMS:
        if _is_pipe(number) and _is_broken(number):
            turn_away(number)
            _lost += 1
    return _lost


def _watch(piped: list[int]) -> None:
    while True:
        poll = select.poll()
        for number in piped:
            if _is_pipe(number):
                poll.register(number, 0)  # that its reader has ended is always told
        with suppress(OSError):
            poll.poll(None if len(piped) == sum(map(_is_pipe, piped)) else 1000 * PAUSE)
            before = _lost
            if readers_lost() == before:
                time.sleep(PAUSE)
        piped = [number for number in piped if not _is_nowhere(number)]
        if not piped:
            return


def _is_pipe(number: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(number).st_mode)
    except OSError:
        return False


def _is_nowhere(number: int) -> bool:
    try:
        return os.fstat(number).st_rdev == os.stat(os.devnull).st_rdev
    except OSError:
        return False


def _is_broken(number: int) -> bool:
    poll = select.poll()
    poll.register(number, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))
