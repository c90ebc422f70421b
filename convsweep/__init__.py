"""A Hydra sweeper whose workers share one Optuna study: asynchronous, pruned, resumable; for any Hydra app.

An app imports from here: `current_trial`, its handle on the running trial; `Infeasible`, to raise for values that
cannot be run; and, where it takes part in the driver as well, the base class `StudyCallback`.
"""

from convsweep.study import StudyCallback
from convsweep.workers import Infeasible, TrialHandle, current_trial

__all__ = ["Infeasible", "StudyCallback", "TrialHandle", "current_trial"]
