"""What runs trials: a loop that takes waiting trials of a shared study until none is left."""

import errno
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobStatus, run_job
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from convsweep.errors import UserError, causes, is_disk_full
from convsweep.policy.asha import feasible
from convsweep.policy.policy import Policy
from convsweep.policy.repeats import is_repeat, seed_parts
from convsweep.policy.stopping_rules import StoppingRules
from convsweep.policy.time_budget import FINISH
from convsweep.sampling.draw import draw
from convsweep.sampling.instantiate import derive_seed, make_pruner
from convsweep.space.compose import Composer
from convsweep.space.space import Space
from convsweep.storage.address import is_shared
from convsweep.storage.opening import open_configured
from convsweep.storage.patience import giving_up
from convsweep.storage.room import is_full
from convsweep.study.failure import PLACE, place_of, traceback_of, words_of
from convsweep.study.metric_names import given_names
from convsweep.study.optuna_logging import quieten_optuna
from convsweep.study.rules import COMMON
from convsweep.study.trial_states import add_seconds, fail, put_back, take
from convsweep.workers.app import App, Ended, stand_for_script
from convsweep.workers.memory import Memory
from convsweep.workers.outcome import values_of
from convsweep.workers.process import DONE, RECYCLE, STOPPED
from convsweep.workers.terminal import readers_lost
from convsweep.workers.trial import STOP, Infeasible, TrialHandle, set_current_trial, stop_requested

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

# Seconds between two looks for a trial while others run that may leave one; where many look into one storage, they
# look less often from one time to the next.
PATIENCE, LAST_PATIENCE = 0.3, 10.0
TRACEBACK = "traceback.txt"  # in the folder of a trial that failed


@dataclass
class Worker:
    """A process's share of a sweep; it is pickled and sent to where the process starts.

    Attributes:
        task_function: The app's own.
        hydra_context: With the app's callbacks, which hear of trials, not of workers.
        config: The sweep's config, `hydra` included.
        compose: Makes a trial's config of overrides.
        name: The study's name.
        space: What is searched and what is fixed.
        policy: Which trial is next.
        driver: The id under which the driver says in the study's attributes that its workers are to stop.
        recycled: Whether somebody starts a fresh process when this one has grown.
        defined: What the app's script defines, see `convsweep.workers.app`.
    """

    task_function: TaskFunction
    hydra_context: HydraContext
    config: DictConfig
    compose: Composer
    name: str
    directory: Path
    space: Space
    policy: Policy
    driver: str
    recycled: bool = True
    defined: dict[str, bytes] = field(default_factory=dict)

    def __call__(self, _: DictConfig | None = None) -> str:
        """Run trials; return the process's last word: see `convsweep.workers.process`.

        Raises:
            OSError: The disk is full. The trial that ran waits again, or will when the study is taken up.
        """
        import optuna

        quieten_optuna()
        if self.recycled:
            stand_for_script(self.task_function, self.defined)
        sweeper = self.config.hydra.sweeper
        storage = open_configured(self.config, self.directory, wait=True)
        study = optuna.load_study(storage=storage, study_name=self.name)
        study.pruner = make_pruner(sweeper.pruner)
        rules, memory, pause = StoppingRules.of(sweeper), Memory(), PATIENCE
        while not self._told_to_stop(study):
            if rules.reached(study):
                study.set_user_attr(STOP + self.driver, "now")
                break
            finishing = study.user_attrs.get(FINISH + self.driver, False)
            taken = take(study, self.policy, finishing, self.driver)
            if taken is None:
                if self.policy.is_over(study, finishing):
                    break
                stop_requested.wait(pause)
                pause = min(1.2 * pause, LAST_PATIENCE) if is_shared(self.config) else PATIENCE
                continue
            pause = PATIENCE
            waits = self._run(study, taken)
            if waits and stop_requested.is_set():
                return f"{STOPPED} {taken._trial_id}"
            if self.recycled and memory.has_grown():
                return RECYCLE
        return STOPPED if stop_requested.is_set() else DONE

    def _told_to_stop(self, study: "Study") -> bool:
        return stop_requested.is_set() or STOP + self.driver in study.user_attrs

    def _run(self, study: "Study", taken: "FrozenTrial") -> bool:
        """Run a trial and record what came of it; return whether it waits.

        Whatever the app raises or returns is its trial's own end: nothing of it ends the worker. What does, the
        user's Ctrl-C, a full disk, a storage that is gone, lets the trial wait for the next run of the study.
        """
        app = App(self.task_function, in_driver=not self.recycled)
        attempt = _Attempt()
        try:
            try:
                self._attempt(study, taken, app, attempt)
            except BaseException as error:
                if app.is_the_users(error):
                    raise
                attempt.error = error
            if attempt.error is not None and giving_up.is_set():  # whatever the app has made of the user's Ctrl-C
                raise KeyboardInterrupt from attempt.error
            return self._record(study, taken, attempt)
        except BaseException:
            put_back(study, taken._trial_id)
            raise

    def _attempt(self, study: "Study", taken: "FrozenTrial", app: App, attempt: "_Attempt") -> None:
        from optuna.trial import Trial

        params = draw(study, taken, self.space, self.config.hydra.sweeper, self.compose)
        config = self.compose(self.space.overrides(params))
        with open_dict(config):
            config.hydra.job.id = f"trial-{taken.number:04d}"
            config.hydra.job.num = taken.number
            config.hydra.sweep.dir = str(self.directory)
            config.hydra.sweeper.study_name = self.name
        common = self.config.hydra.sweeper.trial_seeds == COMMON and not is_repeat(taken)
        seed = derive_seed(study.user_attrs["seed"], *((0,) if common else seed_parts(taken)))
        # For ${hydra:...} in the folder's name; Hydra sets copies of it, which take time, when the job is run.
        HydraConfig.instance().cfg = config  # pyright: ignore[reportAttributeAccessIssue]
        directory = self.directory / str(config.hydra.sweep.subdir)
        attempt.handle = TrialHandle(Trial(study, taken._trial_id), seed, directory, self.driver, self.policy)
        set_current_trial(attempt.handle)
        started = time.monotonic()
        try:
            result = run_job(
                task_function=app,
                config=config,
                job_dir_key="hydra.sweep.dir",
                job_subdir_key="hydra.sweep.subdir",
                hydra_context=self.hydra_context,
            )
        finally:
            set_current_trial(None)
        add_seconds(study, taken, time.monotonic() - started)
        if result.status == JobStatus.FAILED:
            error = result._return_value
            attempt.error = error.__cause__ if isinstance(error, Ended) else error
        elif not (attempt.handle.interrupted or attempt.handle.stopped):
            attempt.handle.note_end()
            names = given_names(study) if isinstance(result.return_value, Mapping) else ()
            attempt.values, attempt.problem = values_of(result.return_value, len(study.directions), names)

    def _record(self, study: "Study", taken: "FrozenTrial", attempt: "_Attempt") -> bool:
        if is_disk_full(attempt.error) and is_full(self.directory, self.config.hydra.sweeper.storage):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.directory)) from attempt.error
        # What a trial has started may have got the signal as well: its failing then says nothing of its values. Nor
        # does it where what it said had no reader any more, in the moment before that was noticed.
        mute = any(isinstance(error, BrokenPipeError) for error in causes(attempt.error))
        unheard = mute and readers_lost() > attempt.readers_lost
        if attempt.is_interrupted or unheard or (stop_requested.is_set() and attempt.is_failed):
            put_back(study, taken._trial_id)
            return True
        try:
            _tell(study, taken._trial_id, attempt)
        except (UserError, OSError):  # the storage's own
            raise
        except Exception as error:  # it does not take what the app gave
            fail(study, taken._trial_id, error)
        return False


@dataclass
class _Attempt:
    """What came of running a trial: a handle as soon as there is one, and values, or what is wrong."""

    handle: TrialHandle | None = None
    values: list[float] = field(default_factory=list)
    problem: str | None = None
    error: BaseException | None = None
    readers_lost: int = field(default_factory=readers_lost)

    @property
    def is_interrupted(self) -> bool:
        """Whether the trial is to go on another time."""
        return self.handle is not None and self.handle.interrupted and self._was_asked

    @property
    def is_pruned(self) -> bool:
        """Whether it was pruned, or says so itself, as any integration of Optuna's does."""
        from optuna import TrialPruned

        stopped = self.handle is not None and self.handle.stopped and self._was_asked
        return stopped or isinstance(self.error, TrialPruned)

    @property
    def is_failed(self) -> bool:
        """Whether the app has raised what is no answer of its own."""
        return self.error is not None and not self.is_pruned and not isinstance(self.error, Infeasible)

    @property
    def _was_asked(self) -> bool:
        """Whether the app, asked to end the trial, has done so, in whichever way."""
        from optuna import TrialPruned

        return not isinstance(self.error, Exception) or isinstance(self.error, TrialPruned)


def _tell(study: "Study", trial_id: int, attempt: _Attempt) -> None:
    from optuna.trial import TrialState

    handle, error = attempt.handle, attempt.error
    if isinstance(error, Infeasible):
        _tell_infeasible(study, trial_id, error)
    elif handle is not None and attempt.is_pruned:
        study.tell(handle._trial, state=TrialState.PRUNED)
    elif error is not None:
        _locate(study, trial_id, attempt)
        fail(study, trial_id, error)
    elif attempt.problem is None:
        assert handle is not None
        study.tell(handle._trial, attempt.values)
    else:
        if handle is not None and attempt.values:  # none of them is a number that can be compared with
            # The sampler is to learn from it as from a configuration that is not allowed.
            handle.set_constraint("diverged", 1.0)
        fail(study, trial_id, ValueError(attempt.problem))


def _locate(study: "Study", trial_id: int, attempt: _Attempt) -> None:
    """Note where in the app's code a trial went wrong, and leave the traceback with its files; none that diverged."""
    assert attempt.error is not None
    place = place_of(attempt.error, os.getcwd())
    if place is None or not feasible(study._storage.get_trial(trial_id)):
        return
    study._storage.set_trial_user_attr(trial_id, PLACE, place)
    if attempt.handle is not None:
        with suppress(OSError):  # it is with the trial as well
            (attempt.handle.directory / TRACEBACK).write_text(traceback_of(attempt.error), "utf-8", "backslashreplace")


def _tell_infeasible(study: "Study", trial_id: int, error: Infeasible) -> None:
    from optuna.trial import TrialState

    storage = study._storage
    if not any(violation > 0 for violation in storage.get_trial(trial_id).constraints.values()):
        storage.set_trial_system_attr(trial_id, "constraints:feasible", 1.0)
    storage.set_trial_user_attr(trial_id, "infeasible", words_of(error))
    storage.set_trial_state_values(trial_id, TrialState.PRUNED)
