"""Trials that failed, run again once what failed them is mended: `hydra.sweeper.retry_failed`.

A trial that has ended stays as it is, in Optuna and in MLflow: its values are those of a new one.
"""

from typing import TYPE_CHECKING

from convsweep.policy.asha import DESCRIBED, feasible
from convsweep.policy.repeats import is_repeat
from convsweep.policy.work import RETRIED
from convsweep.study.queue import Marked, trial_params

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

    from convsweep.space.space import Space

RETRIES_OF = "convsweep:retries_of"  # of a trial: the number of the failed one whose values it has


def failed(study: "Study") -> "list[FrozenTrial]":
    """Return the failed trials that may be run again: not by their values alone, as a diverged one, nor retried yet."""
    known = set(retried(study))
    return [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.state.name == "FAIL" and feasible(trial) and not is_repeat(trial) and trial.number not in known
    ]


def to_retry(study: "Study", space: "Space") -> list[Marked]:
    """Return those whose values lie in the space, which may have changed since, with the marks of their new trials."""
    found: list[Marked] = []
    for trial in failed(study):
        params = trial_params(trial)
        if space.agreeing(params) == params:
            kept = {name: trial.system_attrs[name] for name in (DESCRIBED,) if name in trial.system_attrs}
            found.append((params, {**kept, RETRIES_OF: trial.number}))
    return found


def retried(study: "Study") -> list[int]:
    """Return the numbers of the failed trials whose values have been given to new ones.

    A driver that is killed before the study knows of them has left the new ones, which know it themselves.
    """
    known = study.user_attrs.get(RETRIED, [])
    again = [trial.system_attrs[RETRIES_OF] for trial in study.get_trials(deepcopy=False) if _retries(trial)]
    return list(dict.fromkeys([*known, *again]))


def _retries(trial: "FrozenTrial") -> bool:
    return RETRIES_OF in trial.system_attrs and bool(trial_params(trial))
