"""The keys of `hydra.sweeper` that are times: a number of seconds, or with units as a budget has them, `1h30min`."""

import math
from typing import Any

from omegaconf import DictConfig, open_dict

from convsweep.policy.budget import parse

# Each with whether it may be null, and whether it may be 0.
TIMES = {
    "timeout": (True, False, "1h"),
    "trial_timeout": (True, False, "10min"),
    "storage_patience": (False, True, "10min"),
    "heartbeat": (False, False, "30s"),
}


def read_durations(sweeper: DictConfig) -> list[str]:
    """Let the times be numbers of seconds; return what is wrong with them."""
    problems = []
    for key, (null, zero, example) in TIMES.items():
        given = sweeper[key]
        if given is None and null:
            continue
        seconds = _seconds(given)
        if seconds is None or seconds < 0 or (seconds == 0 and not zero):
            words = "0 or more" if zero else "above 0"
            problems.append(
                f"`hydra.sweeper.{key}` must be a number of seconds {words}, or a time such as 90s, 10min or 1h30min"
                f"{', or null' if null else ''}, got {'null' if given is None else given}; "
                f"type e.g. hydra.sweeper.{key}={example}"
            )
            seconds = None if null else 1.0
        with open_dict(sweeper):
            sweeper[key] = seconds
    return problems


def _seconds(given: Any) -> float | None:
    if isinstance(given, bool):
        return None
    try:
        seconds = float(given)
    except (TypeError, ValueError):
        return parse(given).seconds
    return seconds if math.isfinite(seconds) else None
