"""Which trials of a study are its best, and which are, until one has been trained to its end."""

import math
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from convsweep.policy.asha import feasible, values_at
from convsweep.policy.fronts import by_fronts
from convsweep.policy.repeats import is_repeat, repeated_number
from convsweep.policy.ties import order, tie_key
from convsweep.space.values import hashable
from convsweep.study.feasibility import is_infeasible

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial


def ranked(study: "Study") -> list["FrozenTrial"]:
    """Return the complete, feasible trials, best first; with several objectives the Pareto front, by number.

    Where configurations were trained again, those come first, the best mean of all their runs at the top; of equal
    means that with the lower mean tie-break, then the one that was better before.
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
        number: rounded(sign * statistics.fmean(trial.values[0] for trial in group))
        for number, group in runs.items()
        if any(map(is_repeat, group))
    }
    places = {trial.number: place for place, trial in enumerate(by_value)}
    best = sorted(means, key=lambda one: (means[one], mean_tie_break(runs[one]), places.get(one, math.inf), one))
    first = [trial for number in best for trial in runs[number]]
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


def rounded(mean: float) -> float:
    """Return a mean so that equal ones are equal: values of float32, and their sums, differ behind the sixth digit."""
    return float(f"{mean:.6g}")


def mean_tie_break(trials: "Sequence[FrozenTrial]") -> float:
    """Return the mean of several trials' tie-breaks; infinite where one of them has none."""
    mean = statistics.fmean(trial.system_attrs.get(tie_key(), math.nan) for trial in trials)
    return math.inf if math.isnan(mean) else mean


def _by_value(study: "Study") -> list["FrozenTrial"]:
    from optuna.trial import TrialState

    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return sorted(filter(feasible, complete), key=lambda trial: order(trial, trial.value or 0.0, _sign(study)))


def _sign(study: "Study") -> int:
    return -1 if study.direction.name == "MAXIMIZE" else 1


def _configuration(trial: "FrozenTrial") -> int:
    number = repeated_number(trial)
    return trial.number if number is None else number


def last_values(trial: "FrozenTrial", count: int) -> list[float] | None:
    """Return a trial's values, of one that was not trained to its end those at its last step; None where it has none.

    Args:
        trial: The trial.
        count: How many objectives there are.
    """
    if trial.state.name == "COMPLETE":
        return list(trial.values)
    if trial.last_step is None:
        return None
    values = values_at(trial, trial.last_step, count)
    return values if all(map(math.isfinite, values)) else None


def unfinished(study: "Study") -> list["FrozenTrial"]:
    """Return the trials that have values without having been trained to their end.

    Those that got furthest come first, and of these the best: values of different steps do not compare.
    """
    signs = [-1 if direction.name == "MAXIMIZE" else 1 for direction in study.directions]
    by_step: dict[int, dict[int, list[float]]] = {}
    trials = study.get_trials(deepcopy=False)
    for trial in trials:
        if trial.state.name in ("COMPLETE", "FAIL") or is_repeat(trial) or is_infeasible(trial) or not feasible(trial):
            continue
        if trial.last_step is not None and (values := last_values(trial, len(signs))):
            signed = [sign * value for sign, value in zip(signs, values, strict=True)]
            by_step.setdefault(trial.last_step, {})[trial.number] = signed
    numbers: list[int] = []
    for step in sorted(by_step, reverse=True):
        known = by_step[step]
        numbers += sorted(known, key=lambda number: known[number]) if len(signs) == 1 else by_fronts(known)
    return [trials[number] for number in numbers]
