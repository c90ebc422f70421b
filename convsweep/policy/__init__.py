"""Which trial is next, and when is it enough? Rungs at which trials pause, budgets in trials, epochs and time, and the
rules that end a sweep early. All is read from the trials themselves, so that any worker decides alike.
"""

from convsweep.policy.asha import Asha, rungs_of
from convsweep.policy.budget import Budget
from convsweep.policy.policy import Policy
from convsweep.policy.repeats import Confirmation, is_repeat, repeated_number
from convsweep.policy.work import seconds_of

__all__ = [
    "Asha", "Budget", "Confirmation", "Policy", "is_repeat", "repeated_number", "rungs_of", "seconds_of",
]  # fmt: skip
