"""The driver: checks a sweep, opens its study, launches the workers, and says what came of it."""

import fcntl
import os
import shlex
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.types import HydraContext, TaskFunction
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf, open_dict
from rich.console import Console

from ._asha import Asha
from ._bounds import Bounds
from ._budget import Budget, count_trials
from ._callback import StudyCallback
from ._checks import check_settings, check_trials, check_warm_start, directions, plain, read_space
from ._defaults import set_aside_pruner, set_aside_scheduler
from ._errors import UserError, is_disk_full
from ._exclusive import exclusively
from ._launch import Launch, is_in_process
from ._policy import Policy
from ._progress import Monitor, say
from ._queue import fill, parse_enqueue
from ._space import Space, ends, is_number
from ._states import close, settle
from ._stopping import Stopping
from ._storage import is_shared, lock_files, open_configured
from ._study import change, default_name, fixed_settings, open_study, quieten_optuna
from ._summary import ranked, show_summary, write_results
from ._time_budget import TimeBudget
from ._warm_start import find_earlier, remember

if TYPE_CHECKING:
    from optuna import Study


@dataclass
class Driver:
    """One run of a sweep: `prepare` changes nothing on disk, `run` does the rest."""

    hydra_context: HydraContext
    task_function: TaskFunction
    config: DictConfig
    space: Space
    settings: dict[str, Any]
    callbacks: list[StudyCallback]
    console: Console
    directory_template: str

    @classmethod
    def prepare(
        cls, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig, arguments: list[str]
    ) -> "Driver":
        """Check everything that can be checked beforehand.

        Raises:
            UserError: With all that is wrong.
        """
        sweeper, loader = config.hydra.sweeper, hydra_context.config_loader
        with open_dict(config):  # a worker on another machine has another environment
            sweeper.storage = sweeper.storage
        callbacks = list(instantiate(sweeper.callbacks or {}).values())
        set_aside_scheduler(config, enumerated=False)
        problems = check_settings(sweeper, is_in_process(config))
        try:
            space = read_space(arguments, config, loader)
        except UserError as error:
            raise UserError(problems + error.problems) from None
        _take_longest(sweeper, space)
        problems += check_trials(config, space, loader, callbacks)
        name = sweeper.study_name or default_name(config.hydra.job.name, space)
        # As written: `_name` fills in the study's name.
        template: Any = OmegaConf.to_container(config.hydra.sweep, resolve=False)
        with open_dict(config):
            if sweeper.seed is None:
                sweeper.seed = OmegaConf.select(sweeper, "sampler.seed")
        driver = cls(hydra_context, task_function, config, space, {}, callbacks, Console(), template["dir"])
        driver._name(name)
        problems += check_warm_start(sweeper, driver.directory)
        if problems:
            raise UserError(problems)
        example = loader.load_sweep_config(config, space.overrides(next(space.examples())))
        driver.settings = fixed_settings(example, space)
        return driver

    @property
    def name(self) -> str:
        """The study's name."""
        return self.config.hydra.sweeper.study_name

    @property
    def directory(self) -> Path:
        """The study's folder."""
        return Path(self.config.hydra.sweep.dir)

    def _name(self, name: str) -> None:
        with open_dict(self.config):
            self.config.hydra.sweeper.study_name = name
            self.config.hydra.sweep.dir = self.directory_template
            self.config.hydra.sweep.dir = str(Path(self.config.hydra.sweep.dir).absolute())

    def run(self) -> int:
        """Run what is left of the study; return the exit status.

        Raises:
            UserError: The study is another one than what is asked for, or runs already; the disk is full.
        """
        quieten_optuna()
        self._make_folder()
        try:
            return self._open()
        except OSError as error:
            if not is_disk_full(error):
                raise
            raise UserError(
                f"{_relative(self.directory)} cannot be written: {error.strerror}; what it holds is whole. "
                f"Free some space, then go on: {_command()}"
            ) from error

    def _open(self) -> int:
        sweeper = self.config.hydra.sweeper
        with ExitStack() as held:
            for path in lock_files(sweeper.storage, self.directory, self.name):
                held.enter_context(_only_driver(path, self.directory))
            storage = open_configured(self.config, self.directory)
            with exclusively(storage, self.name):
                study, changes = open_study(
                    storage, self.name, directions(sweeper), self.space, self.settings, sweeper.seed
                )
                if changes and sweeper.on_change == "continue":
                    change(study, directions(sweeper), self.space, self.settings)
                elif changes and sweeper.on_change == "error":
                    raise UserError(_which(self.name, changes))
                taken_up = self._take_up(study) if not changes or sweeper.on_change == "continue" else None
            if taken_up:
                return self._run(study, *taken_up)
        stem, _, count = self.name.rpartition("-")
        self._name(f"{stem}-{int(count) + 1}" if stem and count.isdigit() else f"{self.name}-2")
        self._make_folder()
        return self._open()

    def _take_up(self, study: "Study") -> tuple[Policy, bool]:
        """Make its queue what is asked for; return how it is worked off, and whether it is every combination once."""
        sweeper = self.config.hydra.sweeper
        if not is_shared(self.config):
            settle(study)
        earlier = find_earlier(plain(sweeper.warm_start_from), sweeper.storage, self.directory, self.name)
        first = remember(study, earlier, self.space)
        most = count_trials(sweeper, self.space.size)
        first += parse_enqueue(plain(sweeper.enqueue) or [], self.space, most)
        enumerated = fill(study, self.space, most, first, growing=Budget.of(sweeper).trials is None)
        set_aside_scheduler(self.config, enumerated)
        set_aside_pruner(self.config, enumerated)
        return Policy.of(sweeper, most, enumerated), enumerated

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

    def _run(self, study: "Study", policy: Policy, enumerated: bool) -> int:
        done = sum(trial.state.is_finished() for trial in study.get_trials(deepcopy=False)[: policy.n_trials])
        # A finite space may have fewer combinations than the budget has trials.
        trials = policy.n_trials if policy.growing else len(study.get_trials(deepcopy=False)[: policy.n_trials])
        left = policy.is_left(study) or (is_shared(self.config) and policy.runs(study))
        workers = self._n_workers(trials - done)
        self._show_plan(trials, done, workers, enumerated)
        launch = Launch(
            self.hydra_context, self.task_function, self.config, self.space, self.name, self.directory, policy,
            self.console,
        )  # fmt: skip
        bounds = Bounds.of(self.config.hydra.sweeper)
        interrupted = finishing = False
        if left and not bounds.reached(study):
            interrupted, finishing = self._launch(launch, study, workers, trials)
        left = policy.is_left(study, finishing)
        if not (interrupted or left or bounds.reached(study)):
            with exclusively(study._storage, self.name):  # a study's drivers come to its end together
                close(study)
        write_results(study, self.directory)
        show_summary(study, self.directory, self.console)
        for callback in self.callbacks:
            callback.on_study_end(study, self.directory)
        return self._conclude(study, bounds, interrupted, left)

    def _launch(self, launch: Launch, study: "Study", workers: int, trials: int) -> tuple[bool, bool]:
        """Run the workers, and the callbacks' start beside them.

        Return whether the user interrupted, and whether a budget of time came to its end.
        """
        sweeper, driver = self.config.hydra.sweeper, uuid.uuid4().hex[:8]
        budget = Budget.of(sweeper)
        clock = TimeBudget(study, driver, launch.policy, budget.seconds) if budget.seconds else None
        stopping = Stopping(study, driver, sweeper.timeout, self.console, clock)
        with ThreadPoolExecutor(1) as pool, Monitor(study, budget, trials, self.console), stopping:
            started = pool.submit(self._start_callbacks, study, driver)
            started.add_done_callback(lambda future: future.exception() and stopping.at_once())
            with suppress(KeyboardInterrupt):
                launch.run(study, workers, stopping)
        if error := started.exception():
            raise UserError(f"`hydra.sweeper.callbacks`: {type(error).__name__}: {error}") from error
        return stopping.interrupted, stopping.finishing

    def _start_callbacks(self, study: "Study", driver: str) -> None:
        for callback in self.callbacks:
            callback.on_study_start(study, self.directory, driver)

    def _n_workers(self, left: int) -> int:
        from joblib import cpu_count

        wanted = 1 if is_in_process(self.config) else self.config.hydra.sweeper.n_jobs or cpu_count()
        return max(1, min(wanted, left))

    def _show_plan(self, trials: int, finished: int, workers: int, enumerated: bool) -> None:
        sweeper = self.config.hydra.sweeper
        budget = Budget.of(sweeper)
        space = "  ".join(f"{name} {words}" for name, words in self.space.describe().items()) or "nothing: one trial"
        how = "every combination once" if enumerated else f"drawn by {_class_name(sweeper.sampler)}"
        size = f"{trials} trials" if budget.trials is not None else str(budget)
        done = f", {finished} {'of them' if budget.trials is not None else 'trials'} done" if finished else ""
        never = "NopPruner" in sweeper.pruner._target_ or len(directions(sweeper)) > 1
        pruner = "no pruning" if never else f"pruned by {_class_name(sweeper.pruner)}"
        if asha := Asha.of(sweeper):
            rungs = [str(asha.step(rung)) for rung in range(4) if asha.rung_at(asha.step(rung)) is not None]
            more = ", ..." if len(rungs) == 4 else ""
            pruner = f"pausing at {', '.join(rungs)}{more}, one in {asha.reduction_factor} going on"
            pruner = pruner if rungs else "no pruning: a trial has fewer epochs than the first rung"
        limit = f", {sweeper.timeout:g} s at most" if sweeper.timeout else ""
        for line in (
            f"study   {self.name}: {' and '.join(directions(sweeper))}, in {_relative(self.directory)}",
            f"space   {space}",
            f"budget  {size}{done}, {how}, {pruner}; {workers} worker{'s' * (workers > 1)}{limit}",
        ):
            say(self.console, line)

    def _conclude(self, study: "Study", bounds: Bounds, interrupted: bool, left: bool) -> int:
        sweeper = self.config.hydra.sweeper
        ended = bounds.reached(study) or bounds.hopeless(study, least=1)
        if ended:
            say(self.console, f"ended    {ended}")
        if left and not ended:
            say(self.console, f"resume   {_command()}")
        elif (
            self.space.size is None
            or self.space.size > len(study.get_trials(deepcopy=False))
            or any(trial.state.name == "WAITING" for trial in study.get_trials(deepcopy=False))  # the budget is spent
        ):
            say(self.console, f"go on    {_command(Budget.of(sweeper).twice(by_name=sweeper.budget is not None))}")
        if interrupted:
            return 130
        if bounds.hopeless(study, least=1):
            return 1
        return 0 if left or ranked(study) else 1


def _which(name: str, changes: list[str]) -> list[str]:
    return [
        f"`hydra.sweeper.study_name`: the study {name} exists, and its command was another one:",
        *(f"  {line}" for line in changes),
        "  to take it up as it was, repeat its command; to go on as now asked, type hydra.sweeper.on_change=continue; "
        "for a new study beside it, type hydra.sweeper.on_change=new",
    ]


@contextmanager
def _only_driver(lock: Path, directory: Path) -> Iterator[None]:
    """Hold a study's lock, with this process's id in it; the operating system frees it when the process ends."""
    with lock.open("a+") as file:
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


def _take_longest(sweeper: DictConfig, space: Space) -> None:
    """Let `max_resource` be that of the longest trial where it follows a key that is searched."""
    given: Any = OmegaConf.to_container(sweeper, resolve=False)
    key = str(given["max_resource"]).removeprefix("${").removesuffix("}")
    if key in space.parameters:
        parameter = space.parameters[key]
        with open_dict(sweeper):
            sweeper.max_resource = max(filter(is_number, parameter.values or ends(parameter)), default=None)


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
