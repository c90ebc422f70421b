"""What a task function returned, as numbers, or what is wrong with it: it may be anything."""

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any

from convsweep.errors import bounded

SHOWN = 200  # characters, of a value that is no number


def values_of(returned: Any, expected: int) -> tuple[list[float], str | None]:
    """Return the values of the objectives, and what is wrong with them, if anything.

    Args:
        returned: By the task function: a number, or several in a sequence or an array.
        expected: How many objectives there are.
    """
    try:
        several = _several(returned, expected)
    except Exception as error:
        return [], f"the task function must return a number (or several), got {_shown(returned)} ({_named(error)})"
    if len(several) != expected:
        count = len(several) if len(several) < expected else _length(returned, f"more than {expected}")
        return [], (
            f"the task function must return {expected} value(s), as `hydra.sweeper.direction` says, got {count}"
        )
    try:
        values = [float(value) for value in several]
    except (TypeError, ValueError):
        return [], f"the task function must return a number (or several), got {_shown(returned)}"
    except Exception as error:
        return [], f"the task function must return a number (or several), got {_shown(returned)} ({_named(error)})"
    if all(map(math.isfinite, values)):
        return values, None
    return values, f"the task function returned {_shown(returned)}: the trial diverged"


def _several(returned: Any, expected: int) -> list[Any]:
    """Return what there is, one more than expected at most: it may go on for ever."""
    if isinstance(returned, str | bytes | Mapping) or not isinstance(returned, Iterable):
        return [returned]
    try:
        values = iter(returned)
    except TypeError:  # an array without dimensions
        return [returned]
    return list(itertools.islice(values, expected + 1))


def _length(several: Any, unknown: str) -> str:
    try:
        return str(len(several))
    except Exception:
        return unknown


def _shown(value: Any) -> str:
    try:
        return bounded(repr(value), SHOWN)
    except Exception:  # its own, or an integer of more digits than Python writes
        return f"a value of type {type(value).__name__}"


def _named(error: Exception) -> str:
    try:
        return bounded(f"{type(error).__name__}: {error}", SHOWN)
    except Exception:
        return type(error).__name__
