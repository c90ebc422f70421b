"""The metrics that a study can be after, each with the direction in which it is better."""

from collections.abc import Sequence
from typing import Any

# Known after every epoch: reported while a trial runs, and taken at its best epoch at the end.
EPOCH_METRICS = {"val_accuracy": "maximize", "val_loss": "minimize", "accuracy": "maximize", "loss": "minimize"}
# Known of a model before it is trained; the latency is that of one image, in milliseconds.
MODEL_METRICS = {"parameters": "minimize", "latency_ms": "minimize"}
# Known once a trial; the robust accuracy is that on altered copies of the validation images.
TRIAL_METRICS = {"fit_seconds": "minimize", "robust_accuracy": "maximize"}

METRICS = EPOCH_METRICS | MODEL_METRICS | TRIAL_METRICS


def objectives(objective: Any) -> list[str]:
    """Return `objective`, one name or several, as a list."""
    if isinstance(objective, Sequence) and not isinstance(objective, str):
        return [str(name) for name in objective]
    return [str(objective)]


def directions(objective: Any) -> str | list[str]:
    """Return the direction of the objective, or a list of them for a list; `check` names an unknown one."""
    found = [METRICS.get(name, "minimize") for name in objectives(objective)]
    return found if isinstance(objective, Sequence) and not isinstance(objective, str) else found[0]


def leading_metric(objective: Any) -> str:
    """Return the metric by epoch that decides a trial's best epoch: the first such objective, else val_accuracy."""
    return next((name for name in objectives(objective) if name in EPOCH_METRICS), "val_accuracy")


def check(objective: Any) -> list[str]:
    """Return what is wrong with `objective`."""
    names = objectives(objective)
    known = f"one of {', '.join(METRICS)}, or a list of them"
    unknown = [name for name in names if name not in METRICS]
    if unknown or not names:
        return [f"`objective` must be {known}, got {', '.join(unknown) or 'nothing'}; type e.g. objective=val_accuracy"]
    if len(set(names)) < len(names):
        return [
            f"`objective` must name each metric once, got {', '.join(names)}; "
            "type e.g. objective=[val_accuracy,parameters]"
        ]
    return []
