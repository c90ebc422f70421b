"""Trials that failed, run again once what failed them is mended: `hydra.sweeper.retry_failed`.

A trial that has ended stays as it is, in Optuna and in MLflow: its values are those of a new one.
"""

from typing import TYPE_CHECKING, Any

from convsweep.policy.asha import feasible
from convsweep.policy.repeats import is_repeat
from convsweep.policy.work import RETRIED
from convsweep.study.trial_states import FIXED

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

    from convsweep.space.space import Space


def failed(study: "Study") -> "list[FrozenTrial]":
    """Return the failed trials that may be run again: not by their values alone, as a diverged one, nor retried yet."""
    known = set(retried(study))
    return [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.state.name == "FAIL" and feasible(trial) and not is_repeat(trial) and trial.number not in known
    ]


def to_retry(study: "Study", space: "Space") -> dict[int, dict[str, Any]]:
    """Return the values of those, by their numbers, whose values lie in the space, which may have changed since."""
    values = {trial.number: {**trial.system_attrs.get(FIXED, {}), **trial.params} for trial in failed(study)}
    return {number: params for number, params in values.items() if space.agreeing(params) == params}


def retried(study: "Study") -> list[int]:
    """Return the numbers of the failed trials whose values have been given to new ones."""
    return study.user_attrs.get(RETRIED, [])
