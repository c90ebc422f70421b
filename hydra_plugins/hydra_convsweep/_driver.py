"""The driver: checks a sweep, opens its study, launches the workers, and says what came of it."""

import _thread
import fcntl
import logging
import os
import shlex
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobStatus
from hydra.types import HydraContext, TaskFunction
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf, open_dict
from rich.console import Console

from ._callback import StudyCallback
from ._checks import check_settings, check_trials, check_warm_start, directions, plain, read_space
from ._errors import UserError
from ._progress import Monitor, say
from ._queue import fill, parse_enqueue
from ._space import Space, as_override_value
from ._study import default_name, is_local, open_storage, open_study, quieten_optuna, settle
from ._summary import ranked, show_summary, write_results
from ._warm_start import find_earlier, remember
from ._worker import Worker

if TYPE_CHECKING:
    from optuna import Study

PRUNER = "hydra/sweeper/pruner"
DEFAULT_PRUNER = "successive_halving"


@dataclass
class Driver:
    """One run of a sweep: `prepare` changes nothing on disk, `run` does the rest."""

    hydra_context: HydraContext
    task_function: TaskFunction
    config: DictConfig
    space: Space
    name: str
    directory: Path
    callbacks: list[StudyCallback]
    console: Console

    @classmethod
    def prepare(
        cls, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig, arguments: list[str]
    ) -> "Driver":
        """Check everything that can be checked beforehand.

        Raises:
            UserError: With all that is wrong.
        """
        sweeper, loader = config.hydra.sweeper, hydra_context.config_loader
        callbacks = list(instantiate(sweeper.callbacks or {}).values())
        problems = check_settings(sweeper)
        try:
            space = read_space(arguments, config, loader)
        except UserError as error:
            raise UserError(problems + error.problems) from None
        problems += check_trials(config, space, loader, callbacks)
        name = sweeper.study_name or default_name(config.hydra.job.name, space)
        with open_dict(config):
            sweeper.study_name = name
            config.hydra.sweep.dir = str(Path(config.hydra.sweep.dir).absolute())
            if sweeper.seed is None:
                sweeper.seed = OmegaConf.select(sweeper, "sampler.seed")
        directory = Path(config.hydra.sweep.dir)
        problems += check_warm_start(sweeper, directory)
        if problems:
            raise UserError(problems)
        return cls(hydra_context, task_function, config, space, name, directory, callbacks, Console())

    def run(self) -> int:
        """Run what is left of the study; return the exit status."""
        quieten_optuna()
        self._make_folder()
        sweeper = self.config.hydra.sweeper
        with _only_driver(self.directory) if is_local(sweeper.storage) else nullcontext():
            storage = open_storage(sweeper.storage, self.directory)
            study = open_study(storage, self.name, directions(sweeper), self.space, sweeper.seed)
            if is_local(sweeper.storage):
                settle(study)
            earlier = find_earlier(plain(sweeper.warm_start_from), sweeper.storage, self.directory, self.name)
            first = remember(study, earlier, self.space)
            first += parse_enqueue(plain(sweeper.enqueue) or [], self.space, sweeper.n_trials)
            enumerated = fill(study, self.space, sweeper.n_trials, first)
            self._choose_pruner(enumerated)
            return self._run(study, enumerated)

    def _make_folder(self) -> None:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            probe = self.directory / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise UserError(
                f"`hydra.sweep.dir` must be a folder that can be written to, got {self.directory}: "
                f"{error.strerror}; type e.g. hydra.sweep.dir=multirun/{self.name}"
            ) from error

    def _choose_pruner(self, enumerated: bool) -> None:
        # Enumerated combinations are there to be compared: each is trained to its end unless a pruner is asked for.
        chosen = self.config.hydra.runtime.choices.get(PRUNER) != DEFAULT_PRUNER or any(
            override.startswith(f"{PRUNER}=") for override in self.config.hydra.overrides.hydra
        )
        if enumerated and not chosen:
            with open_dict(self.config):
                self.config.hydra.sweeper.pruner = {"_target_": "optuna.pruners.NopPruner"}

    def _run(self, study: "Study", enumerated: bool) -> int:
        n_trials = sum(trial.number < self.config.hydra.sweeper.n_trials for trial in study.get_trials(deepcopy=False))
        left = sum(not trial.state.is_finished() for trial in study.get_trials(deepcopy=False)[:n_trials])
        workers = self._n_workers(left)
        self._show_plan(n_trials, left, workers, enumerated)
        interrupted = False
        if left:
            with ThreadPoolExecutor(1) as pool, Monitor(study, n_trials, self.console):
                started = pool.submit(self._start_callbacks, study)
                started.add_done_callback(_interrupt_on_error)
                interrupted = self._launch(study, n_trials, workers)
            if error := started.exception():
                raise UserError(f"`hydra.sweeper.callbacks`: {type(error).__name__}: {error}") from error
        write_results(study, self.directory)
        show_summary(study, self.directory, self.console)
        for callback in self.callbacks:
            callback.on_study_end(study, self.directory)
        return self._conclude(study, interrupted)

    def _start_callbacks(self, study: "Study") -> None:
        for callback in self.callbacks:
            callback.on_study_start(study, self.directory)

    def _n_workers(self, left: int) -> int:
        from joblib import cpu_count

        basic = self.config.hydra.launcher._target_.endswith("BasicLauncher")  # it runs one job after the other
        wanted = self.config.hydra.sweeper.n_jobs or (1 if basic else cpu_count())
        return max(1, min(wanted, left))

    def _launch(self, study: "Study", n_trials: int, workers: int) -> bool:
        """Launch workers until the budget is spent, also after some died; return whether the user interrupted."""
        sweeper = self.config.hydra.sweeper
        deadline = time.time() + sweeper.timeout if sweeper.timeout else None
        local = self.config.hydra.launcher._target_.endswith(("JoblibLauncher", "BasicLauncher"))
        worker = Worker(
            self.task_function, self.hydra_context, self.config, self.name, self.directory, self.space, n_trials,
            deadline, os.getpid() if local else None,
        )  # fmt: skip
        while True:
            try:
                self._launch_once(worker, workers)
            except KeyboardInterrupt:
                settle(study)
                return True
            except UserError:
                raise
            except Exception as error:
                if not settle(study, sweeper.max_retries):
                    raise UserError(f"`hydra.launcher` could not run the workers: {error}") from error
                say(self.console, f"a worker died ({type(error).__name__}); starting the workers again")
                continue
            return False

    def _launch_once(self, worker: Worker, count: int) -> None:
        from hydra._internal.callbacks import Callbacks

        with open_dict(self.config):
            if "n_jobs" in self.config.hydra.launcher:
                self.config.hydra.launcher.n_jobs = count
        # The launcher's own jobs are the workers: the app's callbacks hear of trials alone.
        context = HydraContext(config_loader=self.hydra_context.config_loader, callbacks=Callbacks())
        launcher = Plugins.instance().instantiate_launcher(
            config=self.config, hydra_context=context, task_function=worker
        )
        common = [
            *self.space.overrides(next(self.space.examples())),
            f"hydra.sweep.dir={as_override_value(str(self.directory))}",
            "hydra.output_subdir=null",
            "hydra.job.chdir=false",
        ]
        for logger in ("hydra", "hydra_plugins"):  # what is launched where is shown by the plan
            logging.getLogger(logger).setLevel(logging.WARNING)
        jobs = launcher.launch([[*common, f"hydra.sweep.subdir=workers/{i}"] for i in range(count)], initial_job_idx=0)
        for job in jobs:
            if job.status == JobStatus.FAILED:
                raise job._return_value

    def _show_plan(self, n_trials: int, left: int, workers: int, enumerated: bool) -> None:
        sweeper = self.config.hydra.sweeper
        space = "  ".join(f"{name} {words}" for name, words in self.space.describe().items()) or "nothing: one trial"
        how = "every combination once" if enumerated else f"drawn by {_class_name(sweeper.sampler)}"
        done = f", {n_trials - left} of them done" if left < n_trials else ""
        pruner = "no pruning" if "NopPruner" in sweeper.pruner._target_ else f"pruned by {_class_name(sweeper.pruner)}"
        limit = f", {sweeper.timeout:g} s at most" if sweeper.timeout else ""
        for line in (
            f"study   {self.name}: {' and '.join(directions(sweeper))}, in {_relative(self.directory)}",
            f"space   {space}",
            f"budget  {n_trials} trials{done}, {how}, {pruner}; {workers} worker{'s' * (workers > 1)}{limit}",
        ):
            say(self.console, line)

    def _conclude(self, study: "Study", interrupted: bool) -> int:
        n_trials = self.config.hydra.sweeper.n_trials
        left = sum(not t.state.is_finished() for t in study.get_trials(deepcopy=False) if t.number < n_trials)
        if left:
            say(self.console, f"resume   {_command()}")
        elif self.space.size is None or self.space.size > n_trials:
            say(self.console, f"go on    {_command(f'hydra.sweeper.n_trials={2 * n_trials}')}")
        if interrupted:
            return 130
        return 0 if left or ranked(study) else 1


def _interrupt_on_error(future: "Future[None]") -> None:
    if future.exception() is not None:
        _thread.interrupt_main()


@contextmanager
def _only_driver(directory: Path) -> Iterator[None]:
    """Hold the study's lock, with this process's id in it; the operating system frees it when the process ends."""
    with (directory / "driver.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise UserError(
                f"the study in {_relative(directory)} is being run by process {file.read().strip()}; "
                "wait for it, stop it, or type another name: hydra.sweeper.study_name=..."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _class_name(part: Any) -> str:
    return part._target_.rpartition(".")[2]


def _relative(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _command(*more: str) -> str:
    """Return the command that this process was started with, plus overrides, as one would type it."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    program = f"-m {spec.name.removesuffix('.__main__')}" if spec else shlex.quote(sys.argv[0])
    keys = {override.split("=")[0] for override in more}
    arguments = [argument for argument in sys.argv[1:] if argument.split("=")[0] not in keys]
    return " ".join(["python", program, *map(shlex.quote, [*arguments, *more])])
