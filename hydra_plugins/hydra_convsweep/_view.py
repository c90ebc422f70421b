"""What a sampler learns from; it imports Optuna, so import it where a sampler is about to draw."""

import copy
from collections.abc import Container

from optuna import Study
from optuna.pruners import NopPruner
from optuna.samplers import BaseSampler
from optuna.samplers._ga import BaseGASampler
from optuna.trial import FrozenTrial, TrialState

from ._warm_start import recall


class SamplerView(Study):
    """A study as its sampler is to see it.

    The trials of earlier studies come first, under negative numbers. Samplers ignore failed trials; one
    with a violated constraint, such as a diverged training, shows as pruned, so that they learn to avoid it.
    """

    def __init__(self, study: Study, sampler: BaseSampler) -> None:
        super().__init__(study.study_name, study._storage, sampler, NopPruner())
        self._earlier = recall(self)
        if isinstance(sampler, BaseGASampler):
            for trial in self._earlier:  # they are a genetic algorithm's first population
                trial.system_attrs[sampler._get_generation_key()] = 0

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        own = map(_learnable, super()._get_trials(deepcopy=False, use_cache=use_cache))
        trials = [trial for trial in [*self._earlier, *own] if states is None or trial.state in states]
        return copy.deepcopy(trials) if deepcopy else trials


def _learnable(trial: FrozenTrial) -> FrozenTrial:
    if trial.state != TrialState.FAIL or not any(violation > 0 for violation in trial.constraints.values()):
        return trial
    pruned = copy.copy(trial)
    pruned.state = TrialState.PRUNED
    return pruned
