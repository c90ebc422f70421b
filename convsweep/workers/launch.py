"""Launching workers, and launching them again, until the budget is spent."""

import functools
import logging
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.plugins import Plugins
from hydra.core.singleton import Singleton
from hydra.core.utils import JobStatus
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict
from rich.console import Console

from convsweep.display.words import say
from convsweep.errors import UserError, explain
from convsweep.policy.policy import Policy
from convsweep.policy.stopping_rules import StoppingRules
from convsweep.space.compose import Composer
from convsweep.space.space import Space
from convsweep.space.values import as_override_value
from convsweep.storage.address import is_shared
from convsweep.study.trial_states import settle
from convsweep.workers.app import definitions
from convsweep.workers.fork_server import ForkServer
from convsweep.workers.heartbeat_watch import HeartbeatWatch
from convsweep.workers.jobs import Jobs
from convsweep.workers.keeper import Keeper, StillbornError
from convsweep.workers.stopping import Stopping
from convsweep.workers.worker import Worker

if TYPE_CHECKING:
    from optuna import Study

# So often are workers launched without a trial finishing meanwhile: then something other than a trial is wrong.
MAX_IN_VAIN = 5
LOOK = 1.0  # seconds between two looks at whether jobs elsewhere have something to do
SURE = 2  # so many looks in a row must say that they have not: between two states a trial is nobody's
GRACE = 20.0  # seconds in which those end that run, when there is nothing left to do


def is_in_process(config: DictConfig) -> bool:
    """Whether the one worker is the driver's own process, as Hydra's basic launcher has it; good for debuggers."""
    return config.hydra.launcher._target_.endswith("BasicLauncher")


def is_on_this_machine(config: DictConfig) -> bool:
    """Whether the workers are processes of this machine, kept by the driver's own threads."""
    return config.hydra.launcher._target_.endswith("JoblibLauncher")


@dataclass
class Launch:
    """What a worker needs to know, and the launcher that brings it to where it runs.

    Attributes:
        forks: What workers of this machine are forked from, if they are.
    """

    hydra_context: HydraContext
    task_function: TaskFunction
    config: DictConfig
    compose: Composer
    space: Space
    name: str
    directory: Path
    policy: Policy
    console: Console
    forks: ForkServer | None = None
    _jobs: Jobs | None = field(default=None, init=False)

    def run(self, study: "Study", count: int, stopping: Stopping) -> None:
        """Run `count` workers until no trial is left for them, whatever happens to them.

        Raises:
            KeyboardInterrupt: The user wants it to end at once.
            UserError: The launcher fails, or the workers fail without running a trial.
        """
        in_vain, problem = 0, None
        while in_vain < MAX_IN_VAIN:
            done, before, problem = _done(study), problem, None
            try:
                with self._watch(study):
                    self._await_others(study, stopping)
                    if not self._is_over(study, stopping):
                        self._launch(study, count, stopping)
                        self._await_others(study, stopping)
            except (UserError, OSError):
                raise
            except StillbornError as error:
                raise UserError(f"`hydra.launcher`: {error}; their own messages stand above") from error
            except Exception as error:
                problem = error
            finally:
                if not is_shared(self.config):
                    settle(study)
            if self._is_over(study, stopping):
                return
            in_vain = in_vain + 1 if _done(study) == done else 0
            if in_vain > 1 and problem is not None and str(problem) == str(before):  # it would say so each time
                break
            why = f" ({type(problem).__name__})" if problem else ""
            say(self.console, f"the workers ended before the trials did{why}; starting them again")
        reason = f": {problem}" if problem else ""
        raise UserError(f"`hydra.launcher` could not keep the workers running{reason}")

    def _is_over(self, study: "Study", stopping: Stopping) -> bool:
        """Whether no further trial is to start, also when those that run have paused or ended."""
        over = self.policy.is_over(study, stopping.finishing)
        return stopping.asked or over or StoppingRules.of(self.config.hydra.sweeper).reached(study) is not None

    def _watch(self, study: "Study") -> AbstractContextManager[Any]:
        sweeper = self.config.hydra.sweeper
        return (
            nullcontext()
            if not is_shared(self.config)
            else HeartbeatWatch(study, sweeper.heartbeat, sweeper.max_retries)
        )

    def _await_others(self, study: "Study", stopping: Stopping) -> None:
        """Wait while nothing is left but what runs elsewhere: a worker there may die, and its trial be ours."""
        if not is_shared(self.config):
            return
        told = False
        while not stopping.asked and not self.policy.is_left(study, stopping.finishing):
            running = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "RUNNING"]
            if not any(trial.number < self.policy.n_trials for trial in running):
                return
            if not told:
                say(self.console, f"waiting for what runs elsewhere: {len(running)} trial{'s' * (len(running) > 1)}")
                told = True
            time.sleep(1)

    def _launch(self, study: "Study", count: int, stopping: Stopping) -> None:
        driver = stopping.driver
        if is_in_process(self.config):
            self._launch_jobs(count, self._worker(driver))
        elif is_on_this_machine(self.config):
            self._start_threads(count, self._keeper(driver, os.getpid()), stopping)
        else:
            self._launch_elsewhere(count, self._keeper(driver, None), study, stopping)

    def _start_threads(self, count: int, keeper: Keeper, stopping: Stopping) -> None:
        """Keep workers of this machine from threads; joblib's own processes would only stand in between."""
        closing = threading.Event()
        with ThreadPoolExecutor(count) as pool:
            try:
                keep = functools.partial(keeper.keep, closing, forks=self.forks, asked=lambda: stopping.asked)
                for future in [pool.submit(keep, index) for index in range(count)]:
                    future.result()
            finally:
                closing.set()

    def _launch_elsewhere(self, count: int, task: TaskFunction, study: "Study", stopping: Stopping) -> None:
        """Launch jobs, unless earlier ones are there, and wait for those that have something to do."""
        if self._jobs is None or not self._jobs.alive:
            folder = self._give_folder(stopping.driver)
            self._jobs = Jobs(functools.partial(self._launch_jobs, count, task), folder)
        idle = 0
        try:
            while idle < SURE:
                if self._jobs.ended(within=LOOK):
                    return
                busy = self.policy.runs(study, stopping.driver) or not self._is_over(study, stopping)
                idle = 0 if busy else idle + 1
        finally:
            self._jobs.leave_queue()
        self._jobs.join(GRACE)

    def _give_folder(self, driver: str) -> Path | None:
        """Let submitit keep its files in a folder of this driver's; return it where the jobs are Slurm's."""
        launcher = self.config.hydra.launcher
        if "submitit_folder" not in launcher:
            return None
        with open_dict(self.config):
            folder = Path(launcher.submitit_folder).parent
            folder = folder if folder.name == driver else folder / driver
            launcher.submitit_folder = str(folder / "%j")
        return folder if launcher._target_.endswith("SlurmLauncher") else None

    def _launch_jobs(self, count: int, task: TaskFunction) -> None:
        """Let Hydra's launcher bring the workers to where it runs jobs."""
        from hydra._internal.callbacks import Callbacks

        # The launcher's own jobs are the workers: the app's callbacks hear of trials alone.
        context = HydraContext(config_loader=self.hydra_context.config_loader, callbacks=Callbacks())
        try:
            launcher = Plugins.instance().instantiate_launcher(
                config=self.config, hydra_context=context, task_function=task
            )
        except Exception as error:
            raise UserError(f"`hydra.launcher`: {explain(error)}") from error
        common = [
            *self.space.overrides(next(self.space.examples())),
            f"hydra.sweep.dir={as_override_value(str(self.directory))}",
            "hydra.output_subdir=null",
            "hydra.job.chdir=false",
        ]
        for logger in ("hydra", "hydra_plugins"):  # what is launched where is shown by the plan
            logging.getLogger(logger).setLevel(logging.WARNING)
        logging.getLogger("submitit").setLevel(logging.ERROR)  # it repeats that a cluster keeps no accounts
        jobs = launcher.launch([[*common, f"hydra.sweep.subdir=workers/{i}"] for i in range(count)], initial_job_idx=0)
        for job in jobs:
            if job.status == JobStatus.FAILED:
                raise job._return_value

    def _worker(self, driver: str) -> Worker:
        in_process = is_in_process(self.config)
        return Worker(
            self.task_function, self.hydra_context, self.config, self.compose, self.name, self.directory, self.space,
            self.policy, driver, recycled=not in_process,
            defined={} if in_process else definitions(self.task_function),
        )  # fmt: skip

    def _keeper(self, driver: str, pid: int | None) -> Keeper:
        import cloudpickle

        sweeper = self.config.hydra.sweeper
        payload = cloudpickle.dumps((Singleton.get_state(), self._worker(driver)))
        return Keeper(
            payload, self.name, sweeper.storage, self.directory, sweeper.max_retries, driver,
            sweeper.trial_timeout, sweeper.storage_patience, sweeper.heartbeat if is_shared(self.config) else None, pid,
            preload=list(sweeper.preload),
        )  # fmt: skip


def _done(study: "Study") -> int:
    return sum(trial.state.is_finished() for trial in study.get_trials(deepcopy=False))
