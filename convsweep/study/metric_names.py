"""The names of what a study optimizes, kept where Optuna's own tools look for them."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna import Study


def name_metrics(study: "Study", names: Sequence[str]) -> None:
    """Give each of the study's values its name."""
    if list(names) != given_names(study):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Optuna calls it experimental
            study.set_metric_names(list(names))


def metric_names(study: "Study") -> list[str]:
    """Return the names of a study's values: its own, else `value`, or `value 0`, `value 1`, ..."""
    count = len(study.directions)
    return given_names(study) or (["value"] if count == 1 else [f"value {i}" for i in range(count)])


def given_names(study: "Study") -> list[str]:
    """Return the names that a study was given; none if it was not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return study.metric_names or []
