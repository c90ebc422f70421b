"""What is searched? Hydra's sweep grammar becomes keys with Optuna's distributions, conditions between them, and a way
back from drawn values to overrides and a trial's composed config.
"""

from convsweep.space.parameter import Parameter
from convsweep.space.space import Space
from convsweep.space.values import as_override_value

__all__ = ["Parameter", "Space", "as_override_value"]
