"""A run and its repetition, side by side."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

COMPARED = ("loss", "accuracy", "val_loss", "val_accuracy")
ERRORS = 2.0  # standard errors that count as noise
NAMES = {
    "python": "Python", "platform": "system", "backend": "Keras's backend", "device": "device",
    "processor": "processor", "threads": "threads", "precision": "precision",
    "deterministic": "TensorFlow's deterministic operations",
}  # fmt: skip


def differences(then: Mapping[str, Any], now: Mapping[str, Any], files: Sequence[str] | None = None) -> list[str]:
    """Return what a run stood on and its repetition does not, a line each.

    Args:
        then, now: What `environment` returns.
        files: Those of the code that have changed since the run's commit; None if unknown.
    """
    lines = [_line(what, then.get(key), now.get(key)) for key, what in NAMES.items()]
    had, has = then.get("packages", {}), now.get("packages", {})
    lines += [_line(name, had.get(name), has.get(name)) for name in dict.fromkeys([*had, *has])]
    lines.append(_code(then.get("code", {}), now.get("code", {}), files))
    had, has = then.get("files", {}), now.get("files", {})
    lines += [_line(f"the file of {name}", had.get(name), has.get(name)) for name in dict.fromkeys([*had, *has])]
    had, has = then.get("data", {}), now.get("data", {})
    for part in dict.fromkeys([*had, *has]):
        lines.append(_line(f"data: the {part} images", _data(had.get(part)), _data(has.get(part))))
    return [line for line in lines if line]


def cause(then: Mapping[str, Any]) -> str:
    """Say why a result may not be the same to the bit though nothing that it stands on differs."""
    if then.get("device", "CPU") == "CPU" or then.get("deterministic"):
        return "nothing that is recorded differs"
    return "a GPU adds in another order each time, unless TF_DETERMINISTIC_OPS=1 is set"


def _line(what: str, then: Any, now: Any) -> str:
    """Say that something differs; what a run did not record is taken to be the same."""
    return "" if then is None or then == now else f"{what}: {then} then, {'none' if now is None else now} now"


def _data(part: Mapping[str, Any] | None) -> str | None:
    return None if part is None else f"{part['images']} of digest {part['digest']}"


def _code(then: Mapping[str, Any], now: Mapping[str, Any], files: Sequence[str] | None) -> str:
    if not then or (then.get("commit"), then.get("changes")) == (now.get("commit"), now.get("changes")):
        return ""
    if files == [] and not then.get("changes"):
        return ""  # another commit, the same code
    changed = f", which differ in {', '.join(files[:5])}{' and more' if len(files) > 5 else ''}" if files else ""
    return f"code: commit {_commit(then)} then, {_commit(now)} now{changed}"


def _commit(code: Mapping[str, Any]) -> str:
    return f"{str(code.get('commit', 'unknown'))[:10]}{' with changes' if code.get('changes') else ''}"


def largest_difference(
    then: Mapping[str, Mapping[int, float]], now: Sequence[Mapping[str, float]]
) -> tuple[float, int, str]:
    """Return the largest difference in a metric after an epoch, that epoch, and the metric; 0 where all are equal.

    Args:
        then: Values by metric and epoch, from 1.
        now: Metrics after each epoch.
    """
    found = (0.0, 0, "")
    for epoch, metrics in enumerate(now, 1):
        for name in COMPARED:
            if epoch in then.get(name, {}) and (gap := abs(then[name][epoch] - metrics[name])) > found[0]:
                found = gap, epoch, name
    return found


def noise(accuracy: float, images: int) -> float:
    """Return how much an accuracy on so many images may differ from that of another, equally good model."""
    spread = max(accuracy * (1 - accuracy), 1 / images)  # an accuracy of 1 has noise, too
    return ERRORS * math.sqrt(2 * spread / images)
