"""Which trials of a study are its best."""

from typing import TYPE_CHECKING

from convsweep.policy.asha import feasible
from convsweep.policy.ties import order

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial


def ranked(study: "Study") -> list["FrozenTrial"]:
    """Return the complete, feasible trials, best first; with several objectives the Pareto front, by number.

    Of trials of the same value the one with the lower tie-break comes first, then the earlier one.
    """
    from optuna.study import StudyDirection
    from optuna.trial import TrialState

    if len(study.directions) > 1:
        return sorted(study.best_trials, key=lambda trial: trial.number)
    sign = -1 if study.direction == StudyDirection.MAXIMIZE else 1
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return sorted(filter(feasible, complete), key=lambda trial: order(trial, trial.value or 0.0, sign))
