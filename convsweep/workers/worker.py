"""What runs trials: a loop that takes waiting trials of a shared study until none is left."""

import copy
import logging
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, run_job
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from convsweep.errors import is_disk_full
from convsweep.policy.policy import Policy
from convsweep.policy.stopping_rules import StoppingRules
from convsweep.policy.time_budget import FINISH
from convsweep.sampling.draw import draw
from convsweep.sampling.instantiate import derive_seed, make_pruner
from convsweep.space.compose import Composer
from convsweep.space.space import Space
from convsweep.storage.address import is_shared
from convsweep.storage.opening import open_configured
from convsweep.study.optuna_logging import quieten_optuna
from convsweep.study.trial_states import add_seconds, fail, put_back, take
from convsweep.workers.memory import RECYCLE, Memory
from convsweep.workers.trial import STOP, Infeasible, TrialHandle, set_current_trial, stop_requested

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

# Seconds between two looks for a trial while others run that may leave one; where many look into one storage, they
# look less often from one time to the next.
PATIENCE, LAST_PATIENCE = 0.3, 10.0


@dataclass
class Worker:
    """A process's share of a sweep; it is pickled and sent to where the process starts.

    Attributes:
        task_function: The app's own.
        hydra_context: With the app's callbacks, which hear of trials, not of workers.
        config: The sweep's config, `hydra` included.
        name: The study's name.
        space: What is searched and what is fixed.
        policy: Which trial is next.
        driver: The id under which the driver says in the study's attributes that its workers are to stop.
        recycled: Whether somebody starts a fresh process when this one has grown.
    """

    task_function: TaskFunction
    hydra_context: HydraContext
    config: DictConfig
    name: str
    directory: Path
    space: Space
    policy: Policy
    driver: str
    recycled: bool = True

    def __call__(self, _: DictConfig | None = None) -> int:
        """Run trials; return 0 when there is nothing left to do, RECYCLE to go on in a fresh process.

        Raises:
            OSError: The disk is full. The trial that ran waits again, or will when the study is taken up.
        """
        import optuna

        quieten_optuna()
        sweeper = self.config.hydra.sweeper
        storage = open_configured(self.config, self.directory, wait=True)
        study = optuna.load_study(storage=storage, study_name=self.name)
        study.pruner = make_pruner(sweeper.pruner)
        rules, memory, pause = StoppingRules.of(sweeper), Memory(), PATIENCE
        while not self._told_to_stop(study):
            if rules.reached(study):
                study.set_user_attr(STOP + self.driver, "now")
                break
            finishing = FINISH + self.driver in study.user_attrs
            taken = take(study, self.policy, finishing, self.driver)
            if taken is None:
                if self.policy.is_over(study, finishing):
                    break
                stop_requested.wait(pause)
                pause = min(1.2 * pause, LAST_PATIENCE) if is_shared(self.config) else PATIENCE
                continue
            pause = PATIENCE
            self._run(study, taken)
            if self.recycled and memory.has_grown():
                return RECYCLE
        return 0

    def _told_to_stop(self, study: "Study") -> bool:
        return stop_requested.is_set() or STOP + self.driver in study.user_attrs

    def _run(self, study: "Study", taken: "FrozenTrial") -> None:
        try:
            try:
                handle, result = self._attempt(study, taken)
            except Exception as error:
                _tell_error(study, taken._trial_id, error)
                return
            if result.status == JobStatus.FAILED:
                _tell_error(study, taken._trial_id, result._return_value)
            elif handle.interrupted:
                put_back(study, taken._trial_id)
            else:
                _tell(study, handle, result)
        except BaseException:
            # Ctrl-C, an exit, a full disk: the trial waits for the next run of the study.
            put_back(study, taken._trial_id)
            raise

    def _attempt(self, study: "Study", taken: "FrozenTrial") -> tuple[TrialHandle, JobReturn]:
        from optuna.trial import Trial

        params = draw(study, taken, self.space, self.config.hydra.sweeper, self._compose)
        config = self._compose(self.space.overrides(params))
        with open_dict(config):
            config.hydra.job.id = f"trial-{taken.number:04d}"
            config.hydra.job.num = taken.number
            config.hydra.sweep.dir = str(self.directory)
            config.hydra.sweeper.study_name = self.name
        seed = derive_seed(study.user_attrs["seed"], taken.number)
        HydraConfig.instance().set_config(copy.deepcopy(config))  # for ${hydra:...} in it; Hydra sets it later
        directory = self.directory / str(config.hydra.sweep.subdir)
        handle = TrialHandle(Trial(study, taken._trial_id), seed, directory, self.driver, self.policy)
        set_current_trial(handle)
        started = time.monotonic()
        try:
            result = run_job(
                task_function=_Quiet(self.task_function),
                config=config,
                job_dir_key="hydra.sweep.dir",
                job_subdir_key="hydra.sweep.subdir",
                hydra_context=self.hydra_context,
            )
        finally:
            set_current_trial(None)
        add_seconds(study, taken, time.monotonic() - started)
        return handle, result

    @cached_property
    def _compose(self) -> Composer:
        return Composer(self.hydra_context.config_loader, self.config)


@dataclass
class _Quiet:
    """The app's task function, with its log in the trial's file alone: the terminal is the driver's."""

    task_function: TaskFunction

    def __call__(self, config: DictConfig) -> Any:
        root = logging.getLogger()
        for handler in list(root.handlers):
            if isinstance(handler, logging.StreamHandler) and handler.stream in (sys.stdout, sys.stderr):
                root.removeHandler(handler)
        return self.task_function(config)


def _tell(study: "Study", handle: TrialHandle, result: JobReturn) -> None:
    from optuna.trial import TrialState

    if handle.stopped:
        study.tell(handle._trial, state=TrialState.PRUNED)
        return
    values, problem = _values(result.return_value, len(study.directions))
    if problem is None:
        study.tell(handle._trial, values)
        return
    if not all(map(math.isfinite, values)):
        # The sampler is to learn from it as from a configuration that is not allowed.
        handle.set_constraint("diverged", 1.0)
    fail(study, handle._trial._trial_id, ValueError(problem))


def _tell_error(study: "Study", trial_id: int, error: BaseException) -> None:
    from optuna.trial import TrialState

    if is_disk_full(error):
        raise error
    if isinstance(error, Infeasible):
        storage, known = study._storage, study._storage.get_trial(trial_id)
        if not any(violation > 0 for violation in known.constraints.values()):
            study._storage.set_trial_system_attr(trial_id, "constraints:feasible", 1.0)
        storage.set_trial_user_attr(trial_id, "infeasible", str(error))
        storage.set_trial_state_values(trial_id, TrialState.PRUNED)
    else:
        fail(study, trial_id, error)


def _values(returned: Any, expected: int) -> tuple[list[float], str | None]:
    """Return what the task function returned as numbers, and what is wrong with them, if anything."""
    several = returned if isinstance(returned, Sequence) and not isinstance(returned, str) else [returned]
    if len(several) != expected:
        return [], (
            f"the task function must return {expected} value(s), as `hydra.sweeper.direction` says, got {len(several)}"
        )
    try:
        values = [float(value) for value in several]
    except (TypeError, ValueError):
        return [], f"the task function must return a number (or several), got {returned!r}"
    if all(map(math.isfinite, values)):
        return values, None
    return values, f"the task function returned {returned}: the trial diverged"
