"""How the user typed a command: `convsweep status`, or `python -m src.status`."""

import sys
from pathlib import Path

MODULE = "python -m src."


def program(command: str) -> str:
    """Return how a command is typed here."""
    first, second = [*sys.orig_argv[1:3], "", ""][:2]
    if (first, second) == ("-m", "convsweep"):
        return f"python -m convsweep {command}"
    return f"convsweep {command}" if Path(first).name == "convsweep" else f"{MODULE}{command}"


def as_typed(text: str | None) -> str:
    """Return a text, such as the docstring of a command, with the commands in it as they are typed here."""
    return (text or "").replace(MODULE, program(""))
