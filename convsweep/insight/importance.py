"""What mattered: how much of being among the best trials each searched key explains, and how sure that is."""

import importlib
import sys
import types
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convsweep.insight.standing import Standing

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
    places = standing.ranks
    known = evaluate(_Places(standing.trials, places, range(len(places))), keys)
    generator = np.random.default_rng(seed)
    resampled = [
        evaluate(_Places(standing.trials, places, generator.integers(0, len(places), len(places))), keys)
        for _ in range(RESAMPLED)
    ]
    found = {}
    for key in keys:
        low, high = np.quantile([one[key] for one in resampled], [0.05, 0.95])
        found[key] = known[key], min(float(low), known[key]), max(float(high), known[key])
    return dict(sorted(found.items(), key=lambda item: -item[1][0]))


class _Places:
    """As much of a study as the evaluator asks for: trials, some of them twice, whose values are their places."""

    def __init__(self, trials: "Sequence[FrozenTrial]", places: np.ndarray, chosen: Any) -> None:
        from optuna.study import StudyDirection

        self.directions = [StudyDirection.MINIMIZE]
        self._trials = [_Placed(trials[i], float(places[i])) for i in chosen]

    def get_trials(self, deepcopy: bool = True, states: Any = None) -> list[Any]:
        return self._trials

    def _is_multi_objective(self) -> bool:
        return False


class _Placed:
    """A trial with its place as its value."""

    def __init__(self, trial: "FrozenTrial", place: float) -> None:
        self.params, self.distributions, self._trial_id = trial.params, trial.distributions, trial._trial_id
        self.value, self.values = place, [place]


def _evaluator(trials: int) -> Any:
    best = min(0.5, max(SHARE, BEST / trials))
    evaluator = _ped_anova()(target_quantile=best)

    def evaluate(study: _Places, keys: Sequence[str]) -> dict[str, float]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of few trials, which we say in our own words
            present = [key for key in keys if any(key in trial.params for trial in study.get_trials())]
            known = evaluator.evaluate(study, params=present)
        total = sum(known.values())
        return {key: known.get(key, 0.0) / total if total > 0 else 1 / len(keys) for key in keys}

    return evaluate


def _ped_anova() -> Any:
    """Import PED-ANOVA alone: its package imports scikit-learn for the other evaluators, which takes seconds."""
    import optuna

    name = "optuna.importance"
    if name not in sys.modules:
        package = types.ModuleType(name)
        package.__path__ = [str(Path(optuna.__file__).parent / "importance")]
        sys.modules[name] = package
        try:
            return importlib.import_module(f"{name}._ped_anova.evaluator").PedAnovaImportanceEvaluator
        except ImportError:  # another version of Optuna keeps it elsewhere
            pass
        finally:
            for module in [known for known in sys.modules if known == name or known.startswith(f"{name}.")]:
                del sys.modules[module]
    return importlib.import_module(name).PedAnovaImportanceEvaluator
