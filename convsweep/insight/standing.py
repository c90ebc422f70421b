"""Which trials of a study can be compared, and how they stand: ranks, whatever a scheduler or a pruner did to them."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from convsweep.policy.asha import pauses
from convsweep.policy.repeats import is_repeat
from convsweep.study.feasibility import is_infeasible
from convsweep.study.metric_names import metric_names

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial


@dataclass(frozen=True)
class Standing:
    """The trials that can be compared by one objective, best first.

    Attributes:
        metric: The objective's name.
        trials: The trials.
        scores: What orders them, float [trials, 2]: how far each got, and its value there; less is better.
        ranks: Their places, float [trials], from 0; equals share the mean of theirs.
        whole: Whether all of them were trained to their end, so that their values can be told.
    """

    metric: str
    trials: list["FrozenTrial"]
    scores: np.ndarray
    ranks: np.ndarray
    whole: bool
    objective: int = 0

    @property
    def values(self) -> np.ndarray:
        """The trials' values, float [trials]; only where all of them are whole."""
        return np.array([trial.values[self.objective] for trial in self.trials])


def standings(study: "Study") -> list[Standing]:
    """Return how the feasible trials stand by each objective.

    One that was stopped stands behind all that got further, by its last value: a scheduler lets none go on that is not
    among the best. With several objectives only complete trials are compared.
    """
    trials = [
        trial
        for trial in study.get_trials(deepcopy=False)
        if not is_infeasible(trial) and not is_repeat(trial)  # which tells of chance, not of a key
    ]
    single = len(study.directions) == 1
    found = []
    for i, (metric, direction) in enumerate(zip(metric_names(study), study.directions, strict=True)):
        sign = -1.0 if direction.name == "MAXIMIZE" else 1.0
        scored = [(trial, score) for trial in trials if (score := _score(trial, i, sign, single)) is not None]
        scored.sort(key=lambda pair: (pair[1], pair[0].number))
        scores = np.array([score for _, score in scored], float).reshape(-1, 2)
        whole = all(trial.state.name == "COMPLETE" for trial, _ in scored)
        found.append(Standing(metric, [trial for trial, _ in scored], scores, places(scores), whole, i))
    return found


def _score(trial: "FrozenTrial", objective: int, sign: float, single: bool) -> tuple[float, float] | None:
    if trial.state.name == "COMPLETE":
        return -math.inf, sign * trial.values[objective]
    if not single or not (trial.state.name == "PRUNED" or pauses(trial)) or trial.last_step is None:
        return None
    value = trial.intermediate_values[trial.last_step]
    return -trial.last_step, math.inf if math.isnan(value) else sign * value


def places(scores: np.ndarray) -> np.ndarray:
    """Return the places of sorted scores; equal ones share the mean of theirs."""
    if not len(scores):
        return np.zeros(0)
    new = np.r_[True, (scores[1:] != scores[:-1]).any(axis=1)]
    group = np.cumsum(new) - 1
    starts, sizes = np.flatnonzero(new), np.bincount(group)
    return (starts + (sizes - 1) / 2)[group]
