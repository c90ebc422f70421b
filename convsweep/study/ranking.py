"""Which trials of a study are its best."""

import statistics
from typing import TYPE_CHECKING

from convsweep.policy.asha import feasible
from convsweep.policy.repeats import is_repeat, repeated_number
from convsweep.policy.ties import order
from convsweep.space.values import hashable

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial


def ranked(study: "Study") -> list["FrozenTrial"]:
    """Return the complete, feasible trials, best first; with several objectives the Pareto front, by number.

    Where configurations were trained again, those come first, the best mean of all their runs at the top.
    Of trials of the same value the one with the lower tie-break comes first, then the earlier one.
    """
    if len(study.directions) > 1:
        return sorted(study.best_trials, key=lambda trial: trial.number)
    by_value, sign = _by_value(study), _sign(study)
    if not any(map(is_repeat, by_value)):
        return by_value
    runs: dict[int, list[FrozenTrial]] = {}
    for trial in by_value:
        runs.setdefault(_configuration(trial), []).append(trial)
    # The one value of a trial that was not trained again is no mean to compare with.
    means = {
        number: sign * statistics.fmean(trial.values[0] for trial in group)
        for number, group in runs.items()
        if any(map(is_repeat, group))
    }
    first = [trial for number in sorted(means, key=lambda one: (means[one], one)) for trial in runs[number]]
    return [*first, *(trial for trial in by_value if _configuration(trial) not in means)]


def leaders(study: "Study", count: int | None = None) -> list["FrozenTrial"]:
    """Return the trials with the best values of their own, `count` of them at most, or the Pareto front.

    Each differs from the others in its params, and repeats no other one.
    """
    several = len(study.directions) > 1
    found: dict[object, FrozenTrial] = {}
    for trial in ranked(study) if several else _by_value(study):
        if not is_repeat(trial):
            found.setdefault(hashable(trial.params), trial)
    return list(found.values())[: None if several else count]


def _by_value(study: "Study") -> list["FrozenTrial"]:
    from optuna.trial import TrialState

    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return sorted(filter(feasible, complete), key=lambda trial: order(trial, trial.value or 0.0, _sign(study)))


def _sign(study: "Study") -> int:
    return -1 if study.direction.name == "MAXIMIZE" else 1


def _configuration(trial: "FrozenTrial") -> int:
    number = repeated_number(trial)
    return trial.number if number is None else number
