"""A Hydra sweeper whose workers share one Optuna study: asynchronous, pruned, resumable.

An app needs two names from here: `current_trial`, its handle on the running trial, and, if it wants to take part in the
driver as well, the base class `StudyCallback`, with `alone` for what only one of a study's drivers is to do. `explain`
puts Hydra's errors in one line; `rungs_of` says where a scheduler let a study's trials pause.
"""

from ._asha import rungs_of
from ._callback import StudyCallback, alone
from ._errors import explain
from ._trial import Infeasible, TrialHandle, current_trial

__all__ = ["Infeasible", "StudyCallback", "TrialHandle", "alone", "current_trial", "explain", "rungs_of"]
