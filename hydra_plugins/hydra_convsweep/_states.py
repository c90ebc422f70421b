"""A trial's way through its states, which is what makes a study resumable: waiting, running, waiting again, ended.

Each step is one line in the journal (or one transaction), so that a process may die between any two of them.
"""

import contextlib
import os
import socket
import time
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ._asha import RUNG, Asha, pauses

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

RETRIES = "convsweep:retries"  # how often its worker died
WORKER = "convsweep:worker"  # who runs it: host, process id, and since when (Unix time)


def take(study: "Study", n_trials: int, asha: Asha | None = None) -> "FrozenTrial | None":
    """Take a trial with a number below `n_trials`, as its only taker; None when there is none to take.

    First those that were interrupted, then those that a scheduler promotes, then new ones, by their numbers.
    """
    from optuna.trial import TrialState

    storage = study._storage
    for trial in _candidates(study, n_trials, asha):
        if storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING):
            if pauses(trial):
                storage.set_trial_system_attr(trial._trial_id, RUNG, ["promoted", trial.system_attrs[RUNG][1]])
            storage.set_trial_system_attr(trial._trial_id, WORKER, [socket.gethostname(), os.getpid(), time.time()])
            return storage.get_trial(trial._trial_id)
    return None


def is_left(study: "Study", n_trials: int, asha: Asha | None) -> bool:
    """Whether there is a trial to take."""
    return next(_candidates(study, n_trials, asha), None) is not None


def _candidates(study: "Study", n_trials: int, asha: Asha | None) -> "Iterator[FrozenTrial]":
    from optuna.trial import TrialState

    waiting = [t for t in study.get_trials(deepcopy=False, states=(TrialState.WAITING,)) if t.number < n_trials]
    if asha is None:
        yield from waiting
        return
    yield from (trial for trial in waiting if WORKER in trial.system_attrs and not pauses(trial))
    yield from asha.promotable(study)
    yield from (trial for trial in waiting if WORKER not in trial.system_attrs)
    # Nothing new starts any more. Each turn brings the best to its next rung, where another may overtake it.
    if best := asha.unfinished_best(study):
        yield best


def put_back(study: "Study", trial_id: int) -> None:
    """Let a running trial wait again, under its number and with its values; a finished one stays finished."""
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    # An interrupt may come between a trial's record and the next line.
    with contextlib.suppress(UpdateFinishedTrialError):
        study._storage.set_trial_state_values(trial_id, TrialState.WAITING)


def settle(study: "Study") -> None:
    """Let all trials wait again that are running. Call it only while no worker of the study is alive."""
    from optuna.trial import TrialState

    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        put_back(study, trial._trial_id)


def retry(study: "Study", trial: "FrozenTrial", max_retries: int, reason: str) -> None:
    """Let a trial wait again whose worker died, or fail it when that happened more than `max_retries` times."""
    deaths = trial.system_attrs.get(RETRIES, 0) + 1
    study._storage.set_trial_system_attr(trial._trial_id, RETRIES, deaths)
    if deaths > max_retries:
        fail(study, trial._trial_id, f"{reason}, the {deaths}. time" if deaths > 1 else reason)
    else:
        put_back(study, trial._trial_id)


def fail(study: "Study", trial_id: int, error: BaseException | str) -> None:
    """End a trial as failed, with the error and its traceback as user attributes."""
    from optuna.trial import TrialState

    storage = study._storage
    if isinstance(error, BaseException):
        lines = "".join(traceback.format_exception(error))
        storage.set_trial_user_attr(trial_id, "traceback", lines[-10_000:])
        error = f"{type(error).__name__}: {error}"
    storage.set_trial_user_attr(trial_id, "error", error)
    storage.set_trial_state_values(trial_id, TrialState.FAIL)
