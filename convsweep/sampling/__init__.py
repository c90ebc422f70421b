"""Which values does a trial get? Prescribed ones, or those that Optuna's sampler draws from a seed of the trial's own;
and what the sampler is to see of the other trials.
"""

from convsweep.sampling.instantiate import derive_seed

__all__ = ["derive_seed"]
