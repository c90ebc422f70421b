"""How the user typed a command: `convsweep status`, or `python -m src.status`."""

import sys
from pathlib import Path


def program(command: str) -> str:
    """Return how a command is typed here, for its own help."""
    one_name = any(Path(word).name == "convsweep" for word in sys.orig_argv[1:3])
    return f"convsweep {command}" if one_name else f"python -m src.{command}"
