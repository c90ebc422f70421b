"""The metrics that a study can be after, each with the direction in which it is better."""

import difflib
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from src.config.own_function import PATH, OwnFunction

# Known after every epoch: reported while a trial runs, and taken at its best epoch at the end.
EPOCH_METRICS = {"val_accuracy": "maximize", "val_loss": "minimize", "accuracy": "maximize", "loss": "minimize"}
# What an evaluation of the validation images says; computed after every epoch where one of them is an objective.
EVALUATION_METRICS = {
    "macro_f1": "maximize",
    "macro_precision": "maximize",
    "macro_recall": "maximize",
    "balanced_accuracy": "maximize",
    "top_5_accuracy": "maximize",
    "auc": "maximize",
    "log_loss": "minimize",
    "ece": "minimize",
}
TOP = 5  # of top_5_accuracy
LISTED = 20  # class names in a line
RECALL = re.compile(r"recall\[(.+)\]")  # of one class, by its name
OWN_METRIC = "a function of your own, such as my_metrics.cost"
GIVEN = ("y_true", "y_pred")  # what each such function gets
TO_MINIMIZE = ("loss", "error", "cost")  # as scikit-learn names its own: what ends so is better where it is lower
_FOREIGN = re.compile(r"[^\w.\- :]")  # what MLflow does not take in a metric's name
# Known of a model before it is trained; the latency is that of one image, in milliseconds.
MODEL_METRICS = {"parameters": "minimize", "latency_ms": "minimize"}
# Known once a trial; the robust accuracy is that on altered copies of the validation images.
TRIAL_METRICS = {"fit_seconds": "minimize", "robust_accuracy": "maximize"}
OF_NO_IMAGES = (*MODEL_METRICS, "fit_seconds")

_DIRECTIONS = EPOCH_METRICS | EVALUATION_METRICS | MODEL_METRICS | TRIAL_METRICS
METRICS = [*EPOCH_METRICS, *MODEL_METRICS, *EVALUATION_METRICS, "recall[CLASS]", *TRIAL_METRICS]


def direction(name: str) -> str | None:
    """Return the direction in which a metric is better, None for a name that is none."""
    if is_own(name):
        return "minimize" if name.endswith(TO_MINIMIZE) else "maximize"
    return "maximize" if class_of(name) else _DIRECTIONS.get(name) or EVALUATION_METRICS.get(evaluated(name) or "")


def is_own(name: str) -> bool:
    """Whether a metric is a function of one's own, by its dotted path."""
    return PATH.fullmatch(name) is not None


def bounds(name: str) -> tuple[float, float]:
    """Return between which numbers a metric lies: shares from 0 to 1, others from 0 on, one's own anywhere."""
    if is_own(name) or direction(name) is None:
        return -math.inf, math.inf
    is_share = direction(name) == "maximize" or evaluated(name) == "ece"
    return 0.0, 1.0 if is_share else math.inf


def evaluated(name: str) -> str | None:
    """Return the metric of an evaluation that is meant, by its plain name or with `val_` before it, else None."""
    if is_own(name):
        return name
    plain = name.removeprefix("val_")
    return plain if plain in EVALUATION_METRICS or RECALL.fullmatch(plain) else None


def class_of(name: str) -> str | None:
    """Return the class whose recall a metric is, else None."""
    match = RECALL.fullmatch(name.removeprefix("val_"))
    return match[1] if match else None


def by_epoch(name: str) -> str | None:
    """Return under which name a metric is known after each epoch, None where it is not."""
    if name in EPOCH_METRICS:
        return name
    return f"val_{plain}" if (plain := evaluated(name)) else None


def objectives(objective: Any) -> list[str]:
    """Return `objective`, one name or several, as a list."""
    if isinstance(objective, Sequence) and not isinstance(objective, str):
        return [str(name) for name in objective]
    return [str(objective)]


def directions(objective: Any) -> str | list[str]:
    """Return the direction of the objective, or a list of them for a list; `check` names an unknown one."""
    found = [direction(name) or "minimize" for name in objectives(objective)]
    return found if isinstance(objective, Sequence) and not isinstance(objective, str) else found[0]


def leading_metric(objective: Any) -> str:
    """Return the metric by epoch that decides a trial's best epoch: the first such objective, else val_accuracy."""
    return next(filter(None, map(by_epoch, objectives(objective))), "val_accuracy")


def recorded_name(metric: str) -> str:
    """Return a metric's name as MLflow takes it, which knows no brackets: recall[rose] is recall/rose."""
    head, bracket, name = metric.partition("[")
    return f"{head}/{_FOREIGN.sub('_', name.removesuffix(']'))}" if bracket else metric


def meant(name: str) -> str:
    """Return what to type in place of an unknown metric: the name that is nearest."""
    close = difflib.get_close_matches(name.removeprefix("val_"), list(_DIRECTIONS), 1)
    return (difflib.get_close_matches(name, list(_DIRECTIONS), 1) or close or ["val_accuracy"])[0]


def check(objective: Any) -> list[str]:
    """Return what is wrong with `objective`."""
    names = objectives(objective)
    known = f"one of {', '.join(METRICS)}, {OWN_METRIC}, or a list of them"
    unknown = [name for name in names if direction(name) is None]
    if unknown or not names:
        instead = meant(unknown[0]) if unknown else "val_accuracy"
        return [f"`objective` must be {known}, got {', '.join(unknown) or 'nothing'}; type e.g. objective={instead}"]
    if len({evaluated(name) or name for name in names}) < len(names):
        return [
            f"`objective` must name each metric once, got {', '.join(names)}; "
            "type e.g. objective=[val_accuracy,parameters]"
        ]
    return [problem for name in names for problem in check_own("objective", name)]


def check_own(key: str, name: str) -> list[str]:
    """Return what is wrong with a metric that is a function of one's own; nothing for another one."""
    return OwnFunction(name).check(key, GIVEN, "my_metrics.cost", ["class_names"]) if is_own(name) else []


def check_classes(metrics: Iterable[str], class_names: Sequence[str]) -> list[str]:
    """Return what is wrong with metrics for images of these classes, a line each."""
    problems = []
    for metric in dict.fromkeys(metrics):
        name = class_of(metric)
        if name is not None and name not in class_names:
            close = (difflib.get_close_matches(name, class_names, 1) or class_names[:1])[0]
            more = f" and {len(class_names) - LISTED} more" if len(class_names) > LISTED else ""
            problems.append(
                f"`{metric}` must name one of the classes {', '.join(class_names[:LISTED])}{more}, got {name}; "
                f"type e.g. recall[{close}]"
            )
        if evaluated(metric) == "top_5_accuracy" and len(class_names) <= TOP:
            problems.append(
                f"`{metric}` must have more than {TOP} classes to choose from, got {len(class_names)}; "
                "type e.g. val_accuracy in its place"
            )
    return problems
