"""The driver: opens a sweep's study, launches the workers, and says what came of it."""

import copy
import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf, open_dict
from rich.console import Console

from convsweep.display.conclusion import show_conclusion
from convsweep.display.plan import show_plan
from convsweep.display.progress import Monitor
from convsweep.display.summary import show_summary, write_results
from convsweep.display.words import SHOWN, fresh_seeds, say
from convsweep.driver.checks import directions, plain
from convsweep.driver.defaults import NO_PRUNER, set_aside_pruner, set_aside_scheduler
from convsweep.driver.dry_run import copy_of, find_storage, show_dry_run
from convsweep.driver.refusals import has_begun, keep_apart, keep_files_apart, which_study
from convsweep.driver.sweep import MULTIRUN, Sweep
from convsweep.errors import UserError, bounded, is_disk_full
from convsweep.policy.budget import Budget, count_trials
from convsweep.policy.policy import Phase, Policy
from convsweep.policy.repeats import Confirmation, is_repeat, repeated_number
from convsweep.policy.stopping_rules import StoppingRules
from convsweep.policy.time_budget import SPENT, TimeBudget
from convsweep.policy.work import RETRIED, WORKER
from convsweep.space.described import described
from convsweep.space.space import Space
from convsweep.storage.address import is_shared
from convsweep.storage.driver_lock import lock_files, only_driver
from convsweep.storage.opening import open_configured
from convsweep.storage.room import is_full
from convsweep.storage.study_lock import exclusively
from convsweep.study.failure import words_of
from convsweep.study.identity import adopt, change, obstacles, open_study
from convsweep.study.metric_names import name_metrics
from convsweep.study.optuna_logging import quieten_optuna
from convsweep.study.queue import fill, parse_enqueue
from convsweep.study.ranking import leaders, ranked
from convsweep.study.repeats import add_repeats
from convsweep.study.retrying import RETRIES_OF, retried, to_retry
from convsweep.study.rules import RULES, keep_budget, keep_rules, rules_of, settle_rules
from convsweep.study.trial_states import close, end_waiting, give_up_repeats, settle
from convsweep.study.warm_start import find_earlier, remember
from convsweep.workers.app_log import AppLog
from convsweep.workers.devices import workers_on_gpus
from convsweep.workers.fork_server import ForkServer, forking
from convsweep.workers.launch import Launch, is_in_process, is_on_this_machine
from convsweep.workers.stopping import Stopping
from convsweep.workers.terminal import readers_lost

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage

    from convsweep.insight import Findings


class Unheard(Console):
    """A console that goes on without a word where nobody reads it any more: a sweep is worth more than its lines."""

    def on_broken_pipe(self) -> None:
        readers_lost()


@dataclass
class Driver:
    """One run of a sweep: it opens the study, launches the workers, and says what came of it."""

    sweep: Sweep
    console: Console = field(default_factory=Unheard)
    _forks: ForkServer | None = field(default=None, init=False)
    _timed_out: str | None = field(default=None, init=False)

    def run(self) -> int:
        """Run what is left of the study; return the exit status.

        Raises:
            UserError: The study is another one than what is asked for, or runs already; the disk is full.
        """
        quieten_optuna()
        if self.sweep.config.hydra.sweeper.dry_run:
            return self._rehearse()
        self.sweep.make_folder()
        config = self.sweep.config
        preload = list(config.hydra.sweeper.preload) if is_on_this_machine(config) else []
        try:
            with forking(preload) as self._forks:  # it imports while the study is opened
                return self._open()
        except OSError as error:
            if not is_disk_full(error):
                raise
            study = os.path.relpath(self.sweep.directory)
            # A callback of the app's may write where there is another disk.
            where = study if is_full(self.sweep.directory, config.hydra.sweeper.storage) else error.filename or "a file"
            raise UserError(
                f"{where} cannot be written: {error.strerror}; what {study} holds is whole. "
                f"Free some space, then go on: {self.sweep.command()}"
            ) from error

    def _open(self) -> int:
        sweeper = self.sweep.config.hydra.sweeper
        with ExitStack() as held:
            for path in lock_files(sweeper.storage, self.sweep.directory, self.sweep.name):
                held.enter_context(only_driver(path, self.sweep.directory, self.sweep.another()))
            storage = open_configured(self.sweep.config, self.sweep.directory)
            if sweeper.storage is None:
                keep_apart(storage, self.sweep)
            with exclusively(storage, self.sweep.name):
                study, changes = self._study_in(storage)
                keep_files_apart(study, self.sweep)
                if changes and sweeper.on_change == "continue":
                    change(study, directions(sweeper), self.sweep.space, self.sweep.settings, *self.sweep.of_today)
                taken_up = self._take_up(study) if not changes or sweeper.on_change == "continue" else None
            if taken_up:
                return self._run(study, *taken_up)
        self._rename()
        self.sweep.make_folder()
        return self._open()

    def _study_in(self, storage: "BaseStorage") -> "tuple[Study, list[str]]":
        """Return the study in a storage, new or as it is, and what it has otherwise than it is asked for now.

        One that another command has laid out, and of which no trial has begun, is new.

        Raises:
            UserError: It has, and that is to be an error.
        """
        sweeper = self.sweep.config.hydra.sweeper
        asked = self.sweep.name, directions(sweeper), self.sweep.space, self.sweep.settings, sweeper.seed
        study, changes = open_study(storage, *asked, *self.sweep.of_today)
        runs_alone = not is_shared(self.sweep.config)
        if changes and runs_alone and not has_begun(study, self.sweep.directory):
            if sweeper.dry_run:
                return copy_of(None, self.sweep), []
            storage.delete_study(study._study_id)
            study, changes = open_study(storage, *asked, *self.sweep.of_today)
        if changes and sweeper.on_change == "error":
            raise UserError(which_study(study, changes, obstacles(study, directions(sweeper), self.sweep.space)))
        return study, changes

    def _rename(self) -> None:
        """Let the study be one of the next name."""
        stem, _, count = self.sweep.name.rpartition("-")
        name = f"{stem}-{int(count) + 1}" if stem and count.isdigit() else f"{self.sweep.name}-2"
        self.sweep.rename(name, apart_from=self.sweep.directory)

    def _rehearse(self) -> int:
        """Show what `run` would do, with the study in memory; write nothing."""
        storage, study, changes = find_storage(self.sweep), None, []
        if storage is not None:
            if self.sweep.config.hydra.sweeper.storage is None:
                keep_apart(storage, self.sweep)
            if self.sweep.name in {known.study_name for known in storage.get_all_studies()}:
                study, changes = self._study_in(storage)
                if changes and self.sweep.config.hydra.sweeper.on_change == "new":
                    self._rename()
                    return self._rehearse()
        copy = copy_of(study, self.sweep)
        if changes:
            change(copy, directions(self.sweep.config.hydra.sweeper), self.sweep.space, self.sweep.settings)
        policy, enumerated = self._take_up(copy)
        trials, done, workers = self._show_plan(copy, policy, enumerated)
        show_dry_run(copy, self.sweep, policy, trials - done, workers, self.console)
        return 0

    def _take_up(self, study: "Study") -> tuple[Policy, bool]:
        """Make its queue what is asked for; return how it is worked off, and whether it is every combination once."""
        sweeper = self.sweep.config.hydra.sweeper
        inside = self.sweep.of_today[1]
        adopt(study, directions(sweeper), self.sweep.space, self.sweep.settings, sweeper.seed, inside)
        if not is_shared(self.sweep.config):
            settle(study, sweeper.max_retries if is_in_process(self.sweep.config) else None)
        trials = study.get_trials(deepcopy=False)
        if trials and all(map(is_repeat, trials)):  # they were laid out beforehand, and are all that there is to do
            self.sweep.config = _without_stops(self.sweep.config)
            return Policy(len(trials), confirming=True), True
        if not self._confirms and not is_shared(self.sweep.config):
            give_up_repeats(study)
        kept = rules_of(study)
        if kept is None:
            study.set_user_attr(RULES, {})  # it is none of before, whatever comes next
        earlier = find_earlier(plain(sweeper.warm_start_from), sweeper.storage, self.sweep.directory, self.sweep.name)
        first = remember(study, earlier, self.sweep.space)
        most = count_trials(sweeper, self.sweep.space.size)
        first += parse_enqueue(plain(sweeper.enqueue) or [], self.sweep.space, most)
        growing = Budget.of(sweeper).trials is None
        again = to_retry(study, self.sweep.space) if sweeper.retry_failed else []
        before = retried(study)
        done = [*before, *(marks[RETRIES_OF] for _, marks in again)]
        repeats = sum(map(is_repeat, trials)) if self._confirms else 0
        beside = len(done) + repeats if done else 0
        if again:  # each has its place, also where fewer trials are asked for now than there are
            most = max(most, len(trials) - len(before) - repeats)
        enumerated = fill(study, self.sweep.space, most, first, growing, self._described, again, beside)
        if done != study.user_attrs.get(RETRIED, []):
            study.set_user_attr(RETRIED, done)
        set_aside_scheduler(self.sweep.config, enumerated, before=kept is not None and RULES not in study.user_attrs)
        set_aside_pruner(self.sweep.config, enumerated)
        if names := plain(sweeper.metric_names):
            name_metrics(study, names)
        settle_rules(sweeper, kept, enumerated)
        if not kept:
            keep_rules(study, sweeper)
        return Policy.of(sweeper, most + beside, enumerated), enumerated

    @property
    def _confirms(self) -> bool:
        """Whether a part of the budget is for repeats of the best, which are not counted among those that search."""
        return Confirmation.of(self.sweep.config.hydra.sweeper) is not None

    def _described(self) -> dict[str, Any]:
        """Return the configuration that the config itself describes, nothing where it is not to be tried."""
        if not self.sweep.config.hydra.sweeper.try_defaults:
            return {}
        return described(self.sweep.space, self.sweep.compose)

    def _show_plan(self, study: "Study", policy: Policy, enumerated: bool) -> tuple[int, int, int]:
        """Print the plan; return how many trials there are at most, how many have ended, and who runs the others."""
        inside = study.get_trials(deepcopy=False)[: policy.n_trials]
        searched = [trial for trial in inside if not is_repeat(trial)] if self._confirms else inside
        done = sum(trial.state.is_finished() for trial in searched)
        # A finite space may have fewer combinations than the budget has trials.
        trials = policy.n_trials - len(inside) + len(searched) if policy.growing else len(searched)
        workers = self._n_workers(trials - done)
        show_plan(
            study,
            self.sweep.directory,
            self.sweep.space,
            self.sweep.config.hydra.sweeper,
            trials,
            done,
            workers,
            enumerated,
            self.console,
        )
        for line in (line for callback in self.sweep.callbacks for line in callback.plan()):
            say(self.console, line)
        return trials, done, workers

    def _run(self, study: "Study", policy: Policy, enumerated: bool) -> int:
        OmegaConf.save(self.sweep.config, self.sweep.directory / MULTIRUN)
        if not policy.confirming:
            keep_budget(study, self.sweep.config.hydra.sweeper)
        left = policy.is_left(study) or (is_shared(self.sweep.config) and policy.runs(study))
        trials, _, workers = self._show_plan(study, policy, enumerated)
        launch = Launch(
            self.sweep.hydra_context, self.sweep.task_function, self.sweep.config, self.sweep.compose,
            self.sweep.space, self.sweep.name, self.sweep.directory, policy, self.console, self._forks,
        )  # fmt: skip
        rules = StoppingRules.of(self.sweep.config.hydra.sweeper)
        interrupted, finishing = False, False
        if left and not rules.reached(study):
            interrupted, finishing = self._launch(launch, study, workers, trials)
        left = policy.is_left(study, finishing)
        if not (interrupted or left or rules.reached(study)):
            with exclusively(study._storage, self.sweep.name):  # a study's drivers come to its end together
                close(study, begun=policy.asha is not None and bool(finishing))
        enough = not left or rules.good_enough(study)
        if enough and not (interrupted or policy.confirming or rules.hopeless(study, least=1)):
            interrupted, again = self._confirm(study)
            left = left or again
        write_results(study, self.sweep.directory)
        findings = _look_back(study, self.sweep.space)
        show_summary(study, self.sweep.directory, findings, self.console)
        problems = self._end_callbacks(study)
        ended = rules.reached(study) or rules.hopeless(study, least=1)
        if self._timed_out and not ended:
            say(self.console, f"ended    {self._timed_out}")
        show_conclusion(
            study, self.sweep.space, self.sweep.config.hydra.sweeper, ended, left, findings, self.sweep.command,
            self.sweep.another, self.sweep.beside, self.console,
        )  # fmt: skip
        if problems:
            raise UserError(problems)
        if interrupted:
            return 130
        if rules.hopeless(study, least=1):
            return 1
        return 0 if left or ranked(study) else 1

    def _confirm(self, study: "Study") -> tuple[bool, bool]:
        """Train the best again, if that is asked for; return whether the user interrupted, and whether some is left."""
        confirmation = Confirmation.of(self.sweep.config.hydra.sweeper)
        if confirmation is None:
            return False, False
        best = leaders(study, confirmation.candidates)
        with exclusively(study._storage, self.sweep.name):
            for trial in study.get_trials(deepcopy=False):  # of those that were the best before a stop, too
                if trial.state.name == "WAITING" and repeated_number(trial) not in {None, *(t.number for t in best)}:
                    end_waiting(study, trial)
            add_repeats(study, {trial.number: trial.params for trial in best}, confirmation.seeds)
        trials = len(study.get_trials(deepcopy=False))
        policy = Policy(trials, confirming=True)
        waiting = [trial for trial in policy.candidates(study) if trial is not None]
        if not waiting:
            return False, False
        numbers = ", ".join(str(trial.number) for trial in best)
        say(self.console, f"confirm  {numbers}, the best so far, with {fresh_seeds(confirmation.seeds)}")
        config = _without_stops(self.sweep.config)
        launch = Launch(
            self.sweep.hydra_context, self.sweep.task_function, config, self.sweep.compose,
            self.sweep.space, self.sweep.name, self.sweep.directory, policy, self.console, self._forks,
        )  # fmt: skip
        started = time.monotonic()
        interrupted, _ = self._launch(launch, study, self._n_workers(len(waiting)), trials)
        if Budget.of(self.sweep.config.hydra.sweeper).seconds:
            study.set_user_attr(SPENT, round(study.user_attrs.get(SPENT, 0.0) + time.monotonic() - started, 1))
        return interrupted, policy.is_left(study)

    def _launch(self, launch: Launch, study: "Study", workers: int, trials: int) -> tuple[bool, Phase]:
        """Run the workers, and the callbacks' start beside them.

        Return whether the user interrupted, and whether a budget of time came to its end.
        """
        sweeper, driver = launch.config.hydra.sweeper, uuid.uuid4().hex[:8]
        budget, confirmation = Budget.of(sweeper), Confirmation.of(sweeper)
        policy = launch.policy
        clock = None
        if budget.seconds:
            clock = TimeBudget(study, driver, policy, budget.seconds, confirmation=confirmation, workers=workers)
        stopping = Stopping(study, driver, sweeper.timeout, self.console, clock)
        monitor = Monitor(study, budget, trials, self.console)
        with ThreadPoolExecutor(1) as pool, monitor, AppLog(driver, self.console), stopping:
            started = pool.submit(self._start_callbacks, study, driver)
            try:
                # One that has failed by now ends the launch here.
                started.add_done_callback(lambda f: f.exception() and not stopping.by_user and stopping.at_once())
                launch.run(study, workers, stopping)
            except KeyboardInterrupt:
                stopping.interrupted = True
        if (error := started.exception()) and not stopping.by_user:  # Ctrl-C ends what the callbacks started as well
            if isinstance(error, UserError):
                raise error
            raise UserError(_of_callbacks(error)) from error
        if stopping.timed_out and policy.is_left(study):
            begun = any(
                trial.system_attrs.get(WORKER, [])[3:] == [driver] for trial in study.get_trials(deepcopy=False)
            )
            early = "" if begun else ": no trial had begun by then, as the workers, which import the app, take longer"
            self._timed_out = f"after timeout={sweeper.timeout:g} s{early}"
        return stopping.interrupted, stopping.finishing

    def _start_callbacks(self, study: "Study", driver: str) -> None:
        for callback in self.sweep.callbacks:
            callback.on_study_start(study, self.sweep.directory, driver)

    def _end_callbacks(self, study: "Study") -> list[str]:
        """Let each callback look back on the study; return what goes wrong, which is no reason to end without a word.

        Raises:
            OSError: The disk is full.
        """
        problems: list[str] = []
        for callback in self.sweep.callbacks:
            try:
                callback.on_study_end(study, self.sweep.directory)
            except UserError as error:
                problems += error.problems
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                if is_disk_full(error):
                    raise
                problems.append(_of_callbacks(error))
        return problems

    def _n_workers(self, left: int) -> int:
        config = self.sweep.config
        sweeper, most = config.hydra.sweeper, _most_at_once(config)
        wanted = 1 if is_in_process(config) else sweeper.n_jobs or most or _n_granted(sweeper.workers_per_gpu)
        return max(1, min(wanted, most or wanted, left))


def _most_at_once(config: DictConfig) -> int | None:
    """Return how many jobs the joblib launcher may run at once, as it is told; below 0 are all cores but some."""
    most = config.hydra.launcher.get("n_jobs") if is_on_this_machine(config) else None
    if most is None or most == -1:
        return None
    if most > 0:
        return most
    from joblib import cpu_count

    return max(1, cpu_count() + 1 + most)


def _n_granted(workers_per_gpu: int | None) -> int:
    """Return how many workers this machine is good for."""
    from joblib import cpu_count

    most = workers_on_gpus(workers_per_gpu) if workers_per_gpu is not None else None
    return cpu_count() if most is None else min(cpu_count(), most)


def _look_back(study: "Study", space: Space) -> "Findings":
    from convsweep.insight import look_back  # which needs NumPy: not on the way to a mistake in the command

    return look_back(study, {name: parameter.key for name, parameter in space.parameters.items()})


def _without_stops(config: DictConfig) -> DictConfig:
    """Return a sweep's config for trials that are all to be trained to their end."""
    config = copy.deepcopy(config)
    with open_dict(config):
        config.hydra.sweeper.pruner = NO_PRUNER
        config.hydra.sweeper.scheduler = {}
        for key in ("budget", "confirm", "n_trials", "timeout", "target", "patience"):
            config.hydra.sweeper[key] = None
    return config


def _of_callbacks(error: BaseException) -> str:
    words = f"{type(error).__name__}: {words_of(error)}".removesuffix(": ")
    return f"`hydra.sweeper.callbacks`: {bounded(words, SHOWN)}"
