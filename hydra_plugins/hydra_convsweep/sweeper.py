"""The sweeper as Hydra sees it.

Hydra runs this module anew in each worker: it holds no state, and imports no Optuna.
"""

import copy
import signal
import sys
from importlib.util import find_spec
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from convsweep.config import OFFICIAL, OFFICIAL_OPTION, HydraConf, OptunaConf
from convsweep.errors import UserError, printable
from convsweep.workers.terminal import leave_terminal, watch_readers

# A key that does not exist is refused with those that do, among all else that is wrong, not by Hydra's words.
ANY_KEY = OmegaConf.structured(HydraConf, flags={"struct": False})
ConfigStore.instance().store(group="hydra/sweeper", name="convsweep", node=ANY_KEY, provider="convsweep")
if find_spec(OFFICIAL.rpartition(".")[0].rpartition(".")[0]) is None:  # else Hydra's answer would be a list of options
    ConfigStore.instance().store(group="hydra/sweeper", name=OFFICIAL_OPTION, node=OptunaConf, provider="convsweep")


class ConvsweepSearchPath(SearchPathPlugin):
    """Brings the option files of `hydra/sweeper/{sampler,pruner,scheduler}` with the plugin."""

    def manipulate_search_path(self, search_path: Any) -> None:
        search_path.append("convsweep", "pkg://hydra_plugins.hydra_convsweep.conf")
        # Where the official sweeper is not installed, Hydra would say no more than "unknown plugin class".
        Plugins.instance().class_name_to_class.setdefault(OFFICIAL, ConvsweepSweeper)


class ConvsweepSweeper(Sweeper):
    """Launches workers that share one Optuna study; see `ConvsweepConf` for the keys."""

    def __init__(self, **_: Any) -> None:
        # The keys are read from the config in `sweep`, where all that is wrong with them is said at once.
        pass

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def sweep(self, arguments: list[str]) -> None:
        """Run the study to the end of its budget.

        Raises:
            SystemExit: 1 after an error of the user's or when no trial succeeded, 130 after Ctrl-C.
        """
        assert self.hydra_context is not None and self.config is not None  # after `setup`
        signal.signal(signal.SIGTERM, _interrupt)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as `nohup` has it
            signal.signal(signal.SIGHUP, _interrupt)
        watch_readers()
        known = HydraConfig.instance().cfg
        try:
            # What ${hydra:...} reads, long before Hydra itself sets it for a job; a copy, since it becomes read-only.
            HydraConfig.instance().set_config(copy.deepcopy(self.config))
            from convsweep.driver import Driver, prepare  # takes a part of a second, in which there may be Ctrl-C

            status = Driver(prepare(self.hydra_context, self.task_function, self.config, arguments)).run()
        except UserError as error:
            for problem in error.problems:
                line = printable(problem)
                print(f"error: {line}" if not line.startswith(" ") else line, file=sys.stderr)
            status = 1
        except KeyboardInterrupt:  # before there is anything to resume
            print("interrupted", file=sys.stderr)
            status = 130
        finally:
            HydraConfig.instance().cfg = known
        if status:
            sys.exit(status)


def _interrupt(number: int, _: Any) -> None:
    if number == signal.SIGHUP:
        leave_terminal()
    raise KeyboardInterrupt
