"""Who runs trials, and what becomes of those who die? Launched keepers, each with a worker's process that takes trials
from the shared study; GPUs, memory, signs of life, and stopping in order.
"""

from convsweep.workers.trial import Infeasible, TrialHandle, current_trial

__all__ = ["Infeasible", "TrialHandle", "current_trial"]
