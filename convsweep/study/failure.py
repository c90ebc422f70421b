"""What an app's error says, as data: bounded, and whole whatever the error does when it is asked."""

import os
import re
import traceback
from pathlib import Path
from types import TracebackType

from convsweep.errors import bounded, is_installed, is_told

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 10_000  # characters of a text that is kept
PART = 2_000  # of these, of each part of a traceback
NUMBER = re.compile(r"\d+([.,]\d+)*(e[+-]?\d+)?")
PLACE = "place"  # of a failed trial: the line of the app's code where it went wrong
# TensorFlow puts the lines of code that made a graph, a hundred of them, before what went wrong in it.
GRAPH_CODE = re.compile(r' defined at \(most recent call last\):\n(?:\s*File "[^"\n]*", line \d+, in [^\n]*\n+)+')


def words_of(error: BaseException) -> str:
    """Return an error's own words, without the code that a part of them may list."""
    try:
        words = GRAPH_CODE.sub("\n", str(error))
    except BaseException as problem:  # whatever it is, it is no reason to lose the trial
        words = f"its words cannot be had ({type(problem).__name__})"
    return bounded(words, LONGEST)


def traceback_of(error: BaseException) -> str:
    """Return an error's traceback from the app's first line on; its end if it is long.

    A huge message does not push the stack out.
    """
    try:
        parts = traceback.format_exception(type(error), error, _of_app(error.__traceback__) or error.__traceback__)
    except BaseException as problem:
        parts = [f"{type(error).__name__}: its traceback cannot be had ({type(problem).__name__})\n"]
    return "".join(bounded(part.rstrip("\n"), PART) + "\n" for part in parts)[-LONGEST:]


def place_of(error: BaseException, folder: str) -> str | None:
    """Return the last line of the app's code that an error came through, as `main.py:41`, seen from a folder.

    None where there is none, and for an error whose words say what to change.
    """
    if is_told(error):
        return None
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    own = [(file, line) for file, line in frames if _is_apps(file)]
    if not own:
        return None
    file, line = own[-1]
    near = os.path.relpath(file, folder)
    return f"{file if near.startswith(os.pardir) else near}:{line}"


def without_numbers(words: str) -> str:
    """Return what is the same in the words of errors that differ in their numbers alone."""
    return NUMBER.sub("N", words)


def _of_app(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback without those who called the app: Hydra and the worker."""
    while trace is not None and trace.tb_frame.f_globals.get("__name__", "").split(".")[0] in ("hydra", "convsweep"):
        trace = trace.tb_next
    return trace


def _is_apps(file: str) -> bool:
    path = Path(file).resolve()
    return path.is_file() and not path.is_relative_to(ROOT) and not is_installed(path)
