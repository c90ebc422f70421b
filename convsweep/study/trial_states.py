"""A trial's way through its states, which is what makes a study resumable: waiting, running, waiting again, ended.

Each step is one line in the journal (or one transaction), so that a process may die between any two of them.
"""

import contextlib
import os
import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from convsweep.errors import bounded
from convsweep.policy.asha import RUNG, Asha, pauses
from convsweep.policy.brackets import BRACKET
from convsweep.policy.policy import Phase, Policy
from convsweep.policy.repeats import REPEATS, is_repeat
from convsweep.policy.work import SECONDS, WORKER
from convsweep.storage.turns import in_turn
from convsweep.study.failure import LONGEST, traceback_of, words_of

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

FIXED = "fixed_params"  # of a trial: the values that it is to have, under Optuna's own name for them
LAID_OUT = "convsweep:laid_out"  # of a trial: a command added it, and no user of Optuna
RETRIES = "convsweep:retries"  # how often its worker died


def take(study: "Study", policy: Policy, finishing: Phase = False, driver: str = "") -> "FrozenTrial | None":
    """Take the trial that is next by the policy, as its only taker; None when there is none to take."""
    # What the others take, and add, in the same moment must be seen where it counts.
    with in_turn(study) if policy.counts else nullcontext():
        while True:
            taken, lost = _take_first(study, policy.candidates(study, finishing), driver, policy.asha)
            if taken is not None or not lost:
                return taken


def _take_first(
    study: "Study", candidates: "Iterable[FrozenTrial | None]", driver: str, asha: Asha | None
) -> "tuple[FrozenTrial | None, bool]":
    """Take the first of the candidates that nobody else takes; return it, and whether to look again."""
    from optuna.trial import TrialState, create_trial

    storage, lost = study._storage, False
    for trial in candidates:
        if trial is None:
            study.add_trial(create_trial(state=TrialState.WAITING, system_attrs={LAID_OUT: True}))
            return None, True
        if _is_taken(storage, trial._trial_id):
            if _stands_elsewhere(trial, storage.get_trial(trial._trial_id)):
                put_back(study, trial._trial_id)
                return None, True
            if pauses(trial):
                rung = ["promoted", trial.system_attrs[RUNG][1]]
                rung += [asha.highest_rung(trial)] if asha is not None else []
                storage.set_trial_system_attr(trial._trial_id, RUNG, rung)
            if asha is not None and asha.learns and WORKER not in trial.system_attrs:
                storage.set_trial_system_attr(trial._trial_id, BRACKET, asha.deal(study, trial.number))
            worker = [socket.gethostname(), os.getpid(), time.time(), driver]
            storage.set_trial_system_attr(trial._trial_id, WORKER, worker)
            return storage.get_trial(trial._trial_id), False
        lost = True  # another one was faster: there may be more by now than there was
    return None, lost


def _stands_elsewhere(known: "FrozenTrial", now: "FrozenTrial") -> bool:
    """Whether a trial has been run by another worker, and waits again, since it was looked at."""
    return any(known.system_attrs.get(key) != now.system_attrs.get(key) for key in (RUNG, WORKER))


def _is_taken(storage: "BaseStorage", trial_id: int) -> bool:
    """Take a waiting trial; return whether this is its one taker. Another one may have taken it, and even ended it."""
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    with contextlib.suppress(UpdateFinishedTrialError):
        return storage.set_trial_state_values(trial_id, TrialState.RUNNING)
    return False


def prescribe(study: "Study", trial_id: int, params: Mapping[str, Any], marks: Mapping[str, Any] | None = None) -> bool:
    """Give values to a trial that waits without, or none to one that has some; return whether it still waited.

    It is taken for that moment: nobody else takes it in between, and whoever knows it to wait reads it again.
    """
    from convsweep.storage.journal import together

    if not _is_taken(study._storage, trial_id):
        return False
    with together(study._storage):
        for name, value in {**(marks or {}), FIXED: dict(params)}.items():
            study._storage.set_trial_system_attr(trial_id, name, value)
    put_back(study, trial_id)
    return True


def add_seconds(study: "Study", taken: "FrozenTrial", seconds: float) -> None:
    """Note that a trial has run for so long, beside what it ran before it last waited."""
    before = taken.system_attrs.get(SECONDS, 0.0)
    study._storage.set_trial_system_attr(taken._trial_id, SECONDS, before + round(seconds, 3))


def put_back(study: "Study", trial_id: int) -> None:
    """Let a running trial wait again, under its number and with its values; a finished one stays finished."""
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    # An interrupt may come between a trial's record and the next line.
    with contextlib.suppress(UpdateFinishedTrialError):
        study._storage.set_trial_state_values(trial_id, TrialState.WAITING)


def settle(study: "Study", max_retries: int | None = None) -> None:
    """Let all trials wait again that are running. Call it only while no worker of the study is alive.

    `max_retries`: Where a trial runs in the driver's own process and ends it, nobody else counts that.
    """
    from optuna.trial import TrialState

    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if max_retries is None:
            put_back(study, trial._trial_id)
        else:
            retry(study, trial, max_retries, "the process that ran it ended without a word")


def retry(study: "Study", trial: "FrozenTrial", max_retries: int, reason: str) -> None:
    """Let a trial wait again whose worker died, or fail it when that happened more than `max_retries` times."""
    deaths = trial.system_attrs.get(RETRIES, 0) + 1
    study._storage.set_trial_system_attr(trial._trial_id, RETRIES, deaths)
    if deaths > max_retries:
        fail(study, trial._trial_id, f"{reason}, on try {deaths}" if deaths > 1 else reason)
    else:
        put_back(study, trial._trial_id)


def count_stop(study: "Study", trial_id: int, max_retries: int, reason: str) -> None:
    """Count a stop that nobody asked for as a death of the trial's worker: the app may have done it.

    The trial waits already, or another worker runs it by now.
    """
    from optuna.exceptions import UpdateFinishedTrialError

    deaths = study._storage.get_trial(trial_id).system_attrs.get(RETRIES, 0) + 1
    with contextlib.suppress(UpdateFinishedTrialError):
        study._storage.set_trial_system_attr(trial_id, RETRIES, deaths)
        if deaths > max_retries and _is_taken(study._storage, trial_id):
            fail(study, trial_id, f"{reason}, on try {deaths}" if deaths > 1 else reason)


def close(study: "Study", begun: bool = False) -> None:
    """End what still pauses as pruned: the study has its answer. Nothing, while another driver's trials run.

    `begun`: So do those that were stopped on their way to the first place where trials pause.
    """
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False)
    if any(trial.state == TrialState.RUNNING for trial in trials):
        return
    for trial in trials:
        stopped = begun and trial.state == TrialState.WAITING and WORKER in trial.system_attrs and not is_repeat(trial)
        if pauses(trial) or stopped:
            end_waiting(study, trial)


def end_waiting(study: "Study", trial: "FrozenTrial") -> None:
    """End a trial as pruned, if it still waits."""
    from optuna.trial import TrialState

    if _is_taken(study._storage, trial._trial_id):
        study.tell(trial.number, state=TrialState.PRUNED)


def give_up_repeats(study: "Study") -> None:
    """Let waiting repeats that nobody asks for any more be trials like others, drawn when they are taken.

    One that has been trained in part ends as pruned. Call it only while no worker of the study is alive.
    """
    for trial in study.get_trials(deepcopy=False):
        if trial.state.name != "WAITING" or not is_repeat(trial):
            continue
        if WORKER in trial.system_attrs:
            end_waiting(study, trial)
        elif prescribe(study, trial._trial_id, {}):
            study._storage.set_trial_system_attr(trial._trial_id, REPEATS, None)


def fail(study: "Study", trial_id: int, error: BaseException | str) -> None:
    """End a trial as failed, with the error and its traceback as user attributes."""
    from optuna.trial import TrialState

    storage = study._storage
    if isinstance(error, BaseException):
        storage.set_trial_user_attr(trial_id, "traceback", traceback_of(error))
        error = f"{type(error).__name__}: {words_of(error)}".removesuffix(": ")
    storage.set_trial_user_attr(trial_id, "error", bounded(error, LONGEST))
    storage.set_trial_state_values(trial_id, TrialState.FAIL)
