"""What mattered: how much of being among the best trials each searched key explains, and how sure that is."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from convsweep.insight.standing import Standing
from convsweep.space.values import equal
from convsweep.study.optuna_parts import part

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

RESAMPLED = 30  # times
BEST = 10  # trials at least that count as the best ones: with Optuna's five the most important key is often missed
SHARE = 0.1  # of all trials count as the best ones, where that is more


@dataclass(frozen=True)
class Importance:
    """A searched key's part in what made trials good.

    Attributes:
        key: The searched key.
        share: Of the importance of all keys, 0 to 1.
        low, high: Where nine in ten of the resampled studies have it.
        chance: How often chance alone parts the key's values as much, 0 to 1.
        sure: Whether that is so rare that it is none, with this many keys looked at.
    """

    key: str
    share: float
    low: float
    high: float
    chance: float
    sure: bool


def shares(standing: Standing, keys: Sequence[str], seed: int = 0) -> dict[str, tuple[float, float, float]]:
    """Return each key's share of the importance, and the ends of its 90% interval, by resampling the trials.

    Optuna's PED-ANOVA (Watanabe et al. 2023) only asks which trials are among the best: so their places are its values.
    """
    if not keys:
        return {}
    evaluate = _evaluator(len(standing.trials))
    placed = [_Placed(trial, float(place)) for trial, place in zip(standing.trials, standing.ranks, strict=True)]
    known = evaluate(_Places(placed), keys)
    generator = np.random.default_rng(seed)
    resampled = [
        evaluate(_Places([placed[i] for i in generator.integers(0, len(placed), len(placed))]), keys)
        for _ in range(RESAMPLED)
    ]
    found = {}
    for key in keys:
        low, high = np.quantile([one[key] for one in resampled], [0.05, 0.95])
        found[key] = known[key], min(float(low), known[key]), max(float(high), known[key])
    return dict(sorted(found.items(), key=lambda item: -item[1][0]))


class _Places:
    """As much of a study as the evaluator asks for: trials, some of them twice, whose values are their places."""

    def __init__(self, trials: "list[_Placed]") -> None:
        from optuna.study import StudyDirection

        self.directions = [StudyDirection.MINIMIZE]
        self._trials = trials

    def get_trials(self, deepcopy: bool = True, states: Any = None) -> list[Any]:
        return self._trials

    def _is_multi_objective(self) -> bool:
        return False


class _Placed:
    """A trial with its place as its value, and numbers for its choices: a list cannot be looked up."""

    def __init__(self, trial: "FrozenTrial", place: float) -> None:
        from optuna.distributions import CategoricalDistribution

        self._trial_id, self.value, self.values = trial._trial_id, place, [place]
        self.params, self.distributions = dict(trial.params), dict(trial.distributions)
        for key, distribution in trial.distributions.items():
            if isinstance(distribution, CategoricalDistribution):
                choices, value = distribution.choices, trial.params[key]
                self.distributions[key] = CategoricalDistribution(range(len(choices)))
                self.params[key] = next(i for i, choice in enumerate(choices) if equal(choice, value))


def _evaluator(trials: int) -> Any:
    best = min(0.5, max(SHARE, BEST / trials))
    # Its package imports scikit-learn for the other evaluators.
    ped_anova = part("importance", "_ped_anova.evaluator", "PedAnovaImportanceEvaluator")
    evaluator = ped_anova(target_quantile=best)

    def evaluate(study: _Places, keys: Sequence[str]) -> dict[str, float]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of few trials, which we say in our own words
            present = [key for key in keys if any(key in trial.params for trial in study.get_trials())]
            known = evaluator.evaluate(study, params=present)
        total = sum(known.values())
        return {key: known.get(key, 0.0) / total if total > 0 else 1 / len(keys) for key in keys}

    return evaluate
