"""The study as a queue: its waiting trials are its budget, and workers take them one by one."""

import contextlib
from typing import TYPE_CHECKING, Any

from ._space import Space

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial


def fill(study: "Study", space: Space, n_trials: int) -> bool:
    """Make the study's waiting trials its remaining budget; return whether every combination is enumerated.

    A space of at most `n_trials` combinations is listed, each once; else the trials wait without values,
    to be drawn when they are taken. Trials of an earlier run count, whatever became of them.
    """
    from optuna.trial import TrialState, create_trial

    trials = study.get_trials(deepcopy=False)
    size = space.size
    enumerated = size is not None and size <= n_trials
    if not enumerated:
        study.add_trials([create_trial(state=TrialState.WAITING) for _ in range(n_trials - len(trials))])
        return False
    tried = [trial_params(trial) for trial in trials]
    missing = [combo for combo in space.combinations(study.user_attrs["seed"]) if combo not in tried]
    storage = study._storage
    for trial in trials:
        if trial.state == TrialState.WAITING and not trial_params(trial) and missing and space.parameters:
            storage.set_trial_system_attr(trial._trial_id, "fixed_params", missing.pop(0))
    budget = max(0, n_trials - len(trials))
    study.add_trials(
        [create_trial(state=TrialState.WAITING, system_attrs={"fixed_params": combo}) for combo in missing[:budget]]
    )
    return True


def trial_params(trial: "FrozenTrial") -> dict[str, Any]:
    """Return a trial's values, decided or, while it waits, prescribed."""
    return trial.params or trial.system_attrs.get("fixed_params", {})


def take(study: "Study", n_trials: int) -> "FrozenTrial | None":
    """Take the waiting trial with the lowest number below `n_trials`, as its only taker; None when there is none."""
    from optuna.trial import TrialState

    storage = study._storage
    for trial in study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        if trial.number < n_trials and storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING):
            return storage.get_trial(trial._trial_id)
    return None


def put_back(study: "Study", trial_id: int) -> None:
    """Let a running trial wait again, under its number and with its values; a finished one stays finished."""
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    # An interrupt may come between a trial's record and the next line.
    with contextlib.suppress(UpdateFinishedTrialError):
        study._storage.set_trial_state_values(trial_id, TrialState.WAITING)
