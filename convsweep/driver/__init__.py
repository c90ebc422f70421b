"""From a command to a finished study: all that can be wrong is said first, then the study is opened, worked off, and
summed up.
"""

from convsweep.driver.checks import check_settings
from convsweep.driver.defaults import set_aside_pruner
from convsweep.driver.driver import Driver
from convsweep.driver.preparation import prepare

__all__ = ["Driver", "check_settings", "prepare", "set_aside_pruner"]
