"""What a sampler learns from; it imports Optuna, so import it where a sampler is about to draw."""

import copy
from collections.abc import Container, Iterator

from optuna import Study
from optuna.pruners import NopPruner
from optuna.samplers import BaseSampler
from optuna.samplers._ga import BaseGASampler
from optuna.trial import FrozenTrial, TrialState

from convsweep.policy.asha import Asha, pauses
from convsweep.study.warm_start import recall

ENOUGH = 10  # results at a rung, for a sampler to learn from it; as many as TPE draws at random first


class SamplerView(Study):
    """A study as its sampler is to see it.

    The trials of earlier studies come first, under negative numbers. With a scheduler, trials show what they
    had reached at a rung. Samplers ignore failed trials; one
    with a violated constraint, such as a diverged training, shows as pruned, so that they learn to avoid it.
    """

    def __init__(self, study: Study, sampler: BaseSampler, asha: Asha | None = None) -> None:
        super().__init__(study.study_name, study._storage, sampler, NopPruner())
        self._asha = asha
        self._earlier = recall(self)
        if isinstance(sampler, BaseGASampler):
            for trial in self._earlier:  # they are a genetic algorithm's first population
                trial.system_attrs[sampler._get_generation_key()] = 0

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        known = super()._get_trials(deepcopy=False, use_cache=use_cache)
        own = map(_learnable, known if self._asha is None else _judged(known, self._asha))
        trials = [trial for trial in [*self._earlier, *own] if states is None or trial.state in states]
        return copy.deepcopy(trials) if deepcopy else trials


def _judged(trials: list[FrozenTrial], asha: Asha) -> Iterator[FrozenTrial]:
    """Show trials by what they had reached at the highest rung that enough of them have reached.

    So those that pause, go on or have ended are compared at the same step; those that did not get there
    count as pruned.
    """
    rung = 0
    while sum(asha.step(rung + 1) in trial.intermediate_values for trial in trials) >= ENOUGH:
        rung += 1
    step = asha.step(rung)
    for trial in trials:
        if step in trial.intermediate_values and trial.state != TrialState.FAIL:
            trial = copy.copy(trial)
            trial.state, trial.value = TrialState.COMPLETE, trial.intermediate_values[step]
        elif pauses(trial):
            trial = copy.copy(trial)
            trial.state = TrialState.PRUNED
        yield trial


def _learnable(trial: FrozenTrial) -> FrozenTrial:
    if trial.state != TrialState.FAIL or not any(violation > 0 for violation in trial.constraints.values()):
        return trial
    pruned = copy.copy(trial)
    pruned.state = TrialState.PRUNED
    return pruned
