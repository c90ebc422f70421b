"""What a task function returned, as numbers, or what is wrong with it: it may be anything."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from convsweep.errors import bounded, listed, printable

SHOWN = 200  # characters, of a value that is no number
MOST = 20  # names of a mapping


def values_of(returned: Any, expected: int, names: Sequence[str] = ()) -> tuple[list[float], str | None]:
    """Return the values of the objectives, and what is wrong with them, if anything.

    Args:
        returned: By the task function: a number, or several in a sequence, an array, or a mapping from their names.
        expected: How many objectives there are.
        names: What they are called, in their order, if they have names.
    """
    try:
        if isinstance(returned, Mapping):
            if problem := _misnamed(returned, expected, names):
                return [], problem
            returned = [returned[name] for name in names]
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


def _misnamed(returned: Mapping[Any, Any], expected: int, names: Sequence[str]) -> str | None:
    """Say what is wrong with the names of the values in a mapping; it may have more than are asked for."""
    there = [printable(bounded(str(name), SHOWN)) for name in itertools.islice(returned, MOST)]
    if not names:
        example = f"; type hydra.sweeper.metric_names=[{','.join(there)}]" if len(there) == expected else ""
        return (
            f"`hydra.sweeper.metric_names` must name the {expected} value(s) that the task function returns in a "
            f"mapping, got null and a mapping of {', '.join(there) or 'nothing'}{example}"
        )
    lacking = [name for name in names if name not in returned]
    if not lacking:
        return None
    lines = ", ".join(f"no {name}" for name in lacking)
    return (
        "the task function must return a mapping with a value for each of `hydra.sweeper.metric_names`, "
        f"{', '.join(names)}, got {lines}; there are {listed(lacking[0], there)}"
    )


def _several(returned: Any, expected: int) -> list[Any]:
    """Return what there is, one more than expected at most: it may go on for ever."""
    if isinstance(returned, str | bytes) or not isinstance(returned, Iterable):
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
