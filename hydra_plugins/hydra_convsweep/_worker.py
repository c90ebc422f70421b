"""What a launcher launches: a loop that takes trials of a shared study and runs them until none is left."""

import logging
import math
import os
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn, JobStatus, run_job
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from ._draw import derive_seed, draw, make_pruner
from ._queue import put_back, take
from ._space import Space
from ._study import open_storage, quieten_optuna
from ._trial import TrialHandle, set_current_trial

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial


@dataclass
class Worker:
    """The task function of a worker's job; it is pickled and sent to where the launcher starts it.

    Attributes:
        task_function: The app's own.
        hydra_context: With the app's callbacks, which hear of trials, not of workers.
        config: The sweep's config, `hydra` included.
        name: The study's name.
        space: What is searched and what is fixed.
        n_trials: Trials with a number below this are the budget.
        deadline: Unix time after which no trial starts, or None.
        driver: Process id of the driver when workers are its children on this machine, else None.
    """

    task_function: TaskFunction
    hydra_context: HydraContext
    config: DictConfig
    name: str
    directory: Path
    space: Space
    n_trials: int
    deadline: float | None = None
    driver: int | None = None

    def __call__(self, _: DictConfig) -> int:
        """Run trials; return how many."""
        import optuna

        quieten_optuna()
        storage = open_storage(self.config.hydra.sweeper.storage, self.directory)
        study = optuna.load_study(storage=storage, study_name=self.name)
        study.pruner = make_pruner(self.config.hydra.sweeper.pruner)
        count = 0
        while not self._over() and (taken := take(study, self.n_trials)) is not None:
            self._run(study, taken)
            count += 1
        return count

    def _over(self) -> bool:
        if self.driver is not None and os.getpid() != self.driver and os.getppid() != self.driver:
            os._exit(1)  # the driver was killed: nobody waits for this process, and it would idle for minutes
        return self.deadline is not None and time.time() >= self.deadline

    def _run(self, study: "Study", taken: "FrozenTrial") -> None:
        from optuna.trial import Trial

        sweeper = self.config.hydra.sweeper
        try:
            try:
                params = draw(study, taken, self.space, sweeper, self._compose)
                seed = derive_seed(study.user_attrs["seed"], taken.number)
                handle = TrialHandle(Trial(study, taken._trial_id), seed)
                result = self._job(handle, self.space.overrides(params))
            except Exception as error:
                _fail(study, taken.number, error)
            else:
                _tell(study, handle, result)
        except BaseException:
            # Ctrl-C or an exit: the trial waits for the next run of the study.
            put_back(study, taken._trial_id)
            raise

    def _compose(self, overrides: list[str]) -> DictConfig:
        return self.hydra_context.config_loader.load_sweep_config(self.config, overrides)

    def _job(self, handle: TrialHandle, overrides: list[str]) -> JobReturn:
        config = self._compose(overrides)
        with open_dict(config):
            config.hydra.job.id = f"trial-{handle.number:04d}"
            config.hydra.job.num = handle.number
            config.hydra.sweep.dir = str(self.directory)
            config.hydra.sweeper.study_name = self.name
        set_current_trial(handle)
        try:
            return run_job(
                task_function=_Quiet(self.task_function),
                config=config,
                job_dir_key="hydra.sweep.dir",
                job_subdir_key="hydra.sweep.subdir",
                hydra_context=self.hydra_context,
            )
        finally:
            set_current_trial(None)


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

    if result.status == JobStatus.FAILED:
        _fail(study, handle.number, result._return_value)
    elif handle.stopped:
        study.tell(handle.number, state=TrialState.PRUNED)
    else:
        values = result.return_value
        values = list(values) if isinstance(values, Sequence) else [values]
        problem = _unusable(values, len(study.directions))
        if problem:
            _fail(study, handle.number, ValueError(problem))
        else:
            study.tell(handle.number, values)


def _unusable(values: list[Any], expected: int) -> str | None:
    if len(values) != expected:
        return (
            f"the task function must return {expected} value(s), as `hydra.sweeper.direction` says, got {len(values)}"
        )
    for value in values:
        try:
            if math.isnan(float(value)):
                return f"the task function returned {value}: the trial diverged"
        except (TypeError, ValueError):
            return f"the task function must return a number (or several), got {value!r}"
    return None


def _fail(study: "Study", number: int, error: BaseException) -> None:
    from optuna.trial import TrialState

    trial_id = study.get_trials(deepcopy=False)[number]._trial_id
    lines = "".join(traceback.format_exception(error))
    study._storage.set_trial_user_attr(trial_id, "error", f"{type(error).__name__}: {error}")
    study._storage.set_trial_user_attr(trial_id, "traceback", lines[-10_000:])
    study.tell(number, state=TrialState.FAIL)
