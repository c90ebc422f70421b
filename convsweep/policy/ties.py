"""Between trials of the same value: what the app says of them besides."""

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

TIE_BREAK = "convsweep:tie_break"  # of a trial: the lower of two equal trials is the better one; with a step, there


def tie_key(step: int | None = None) -> str:
    return TIE_BREAK if step is None else f"{TIE_BREAK}:{step}"


def order(trial: "FrozenTrial", value: float, sign: int, step: int | None = None) -> tuple[Any, ...]:
    """Return what trials are sorted by, best first: value, tie-break, number.

    Args:
        trial: The trial.
        value: At its end, or at `step`.
        sign: -1 where values are maximized, else 1.
        step: Of the value, None for the end.
    """
    given = trial.system_attrs.get(tie_key(step))
    return sign * value, math.inf if given is None or math.isnan(given) else given, trial.number
