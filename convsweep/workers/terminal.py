"""What a closed terminal means for what is still written."""

import os
import signal
import stat
from contextlib import suppress


def leave_terminal() -> None:
    """Let nothing be written to a terminal that is closed, where each word would be an error; it is told of once."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the kernel and the shell both tell
    for number in (1, 2):
        with suppress(OSError):
            if stat.S_ISCHR(os.fstat(number).st_mode) and not os.isatty(number):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, number)
                os.close(nowhere)
