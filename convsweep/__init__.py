"""A Hydra sweeper whose workers share one Optuna study: asynchronous, pruned, resumable; for any Hydra app.

An app imports from here: `current_trial`, its handle on the running trial; `Infeasible`, to raise for values that
cannot be run; and, where it takes part in the driver as well, the base class `StudyCallback`. Who looks back on a study
imports `open_study`.
"""

from typing import TYPE_CHECKING, Any

from convsweep.study import StudyCallback
from convsweep.workers import Infeasible, TrialHandle, current_trial

if TYPE_CHECKING:
    from convsweep.report import open_study

__all__ = ["Infeasible", "StudyCallback", "TrialHandle", "current_trial", "open_study"]


def __getattr__(name: str) -> Any:
    """Import what looks back on studies only for those who do: a trial has no use for it."""
    if name == "open_study":
        from convsweep.report import open_study

        return open_study
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
