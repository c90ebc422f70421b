"""What a sampler learns from; it imports Optuna, so import it where a sampler is about to draw."""

import copy
import math
from collections.abc import Container

from optuna import Study
from optuna.pruners import NopPruner
from optuna.samplers import BaseSampler
from optuna.samplers._ga import BaseGASampler
from optuna.trial import FrozenTrial, TrialState

from convsweep.policy.asha import Asha, pauses, values_at
from convsweep.sampling.likeness import weighed
from convsweep.space.space import Space
from convsweep.study.warm_start import recall

ENOUGH = 10  # results at a rung, for a sampler to learn from it; as many as TPE draws at random first


class SamplerView(Study):
    """A study as its sampler is to see it.

    The trials of earlier studies come first, under negative numbers: as many as they are like this one, see
    `convsweep.sampling.likeness`. With a scheduler, trials show what they had reached at a rung. Samplers ignore failed
    trials; one with a violated constraint, such as a diverged training, shows as pruned, so that they learn to avoid
    it. With several objectives no pruned trial shows its steps: TPE would ask which of the objectives their values are.

    Attributes:
        space: What is searched, for samplers that ask; Optuna's do not.
    """

    def __init__(
        self,
        study: Study,
        sampler: BaseSampler,
        asha: Asha | None = None,
        enough: int = ENOUGH,
        space: Space | None = None,
    ) -> None:
        super().__init__(study.study_name, study._storage, sampler, NopPruner())
        self.space = space
        self._asha, self._enough = asha, enough
        self._earlier: list[FrozenTrial] = []
        if earlier := recall(self):
            step, direction = None, self.directions[0] if len(self.directions) == 1 else None
            if asha is not None and direction is not None:  # of several objectives only the last ones are kept
                step = asha.step(_rung(super()._get_trials(deepcopy=False), asha, enough))
            self._earlier = weighed(earlier, self._get_trials(deepcopy=False), step, direction)
        if isinstance(sampler, BaseGASampler):
            for trial in self._earlier:  # they are a genetic algorithm's first population
                trial.system_attrs[sampler._get_generation_key()] = 0

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        known = super()._get_trials(deepcopy=False, use_cache=use_cache)
        if self._asha is not None:
            known = _judged(known, self._asha, self._enough, len(self.directions))
        trials = [*self._earlier, *map(_learnable, known)]
        if len(self.directions) > 1:
            trials = list(map(_without_steps, trials))
        trials = [trial for trial in trials if states is None or trial.state in states]
        return copy.deepcopy(trials) if deepcopy else trials


def _judged(trials: list[FrozenTrial], asha: Asha, enough: int, count: int) -> list[FrozenTrial]:
    """Show trials by what they had reached at the highest rung that enough of them have reached.

    So those that pause, go on or have ended are compared at the same step; those that did not get there, or had no
    finite value there, count as pruned once they pause.
    """
    step, shown = asha.step(_rung(trials, asha, enough)), []
    for trial in trials:
        there = step in trial.intermediate_values and trial.state != TrialState.FAIL
        values = values_at(trial, step, count) if there else []
        if values and all(map(math.isfinite, values)):
            trial = copy.copy(trial)
            trial.state, trial.values = TrialState.COMPLETE, values
        elif pauses(trial):
            trial = copy.copy(trial)
            trial.state = TrialState.PRUNED
        shown.append(trial)
    return shown


def _rung(trials: list[FrozenTrial], asha: Asha, enough: int) -> int:
    """Return the highest rung that enough trials have reached, else the first one."""
    last = max((step for trial in trials for step in trial.intermediate_values), default=0)
    rung = found = 0
    while (step := asha.step(rung)) <= last:  # at some of them an app may not report
        if sum(step in trial.intermediate_values for trial in trials) >= enough:
            found = rung
        rung += 1
    return found


def _learnable(trial: FrozenTrial) -> FrozenTrial:
    if trial.state != TrialState.FAIL or not any(violation > 0 for violation in trial.constraints.values()):
        return trial
    pruned = copy.copy(trial)
    pruned.state = TrialState.PRUNED
    return pruned


def _without_steps(trial: FrozenTrial) -> FrozenTrial:
    """Return a pruned trial without what it reported, any other one as it is."""
    if trial.state != TrialState.PRUNED or not trial.intermediate_values:
        return trial
    trial = copy.copy(trial)
    trial.intermediate_values = {}
    return trial
