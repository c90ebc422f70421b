"""What an app's error says, as data: bounded, and whole whatever the error does when it is asked."""

import re
import traceback

from convsweep.errors import bounded

LONGEST = 10_000  # characters of a text that is kept
PART = 2_000  # of these, of each part of a traceback
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
    """Return an error's traceback, its end if it is long; a huge message does not push the stack out."""
    try:
        parts = traceback.format_exception(error)
    except BaseException as problem:
        parts = [f"{type(error).__name__}: its traceback cannot be had ({type(problem).__name__})\n"]
    return "".join(bounded(part.rstrip("\n"), PART) + "\n" for part in parts)[-LONGEST:]
