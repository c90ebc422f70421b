"""Which values a trial gets: prescribed ones, or the sampler's, drawn from a seed of the trial's own."""

import inspect
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from omegaconf import DictConfig

from ._errors import UserError
from ._queue import trial_params
from ._space import Space

if TYPE_CHECKING:
    from optuna import Study
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

# So often is a combination that has been run drawn anew, before one that has not is picked at random.
MAX_DRAWS = 20
# Up to this many combinations are looked through for that; above, a duplicate is next to impossible.
MAX_LISTED = 100_000


def derive_seed(*parts: int) -> int:
    """Derive an integer below 2**32 from integers (NumPy's SeedSequence)."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def make_sampler(config: DictConfig, study_seed: int, *parts: int) -> "BaseSampler":
    """Instantiate `hydra.sweeper.sampler` with a seed of the trial's own.

    Samplers keep no random state in the storage; with a seed from the study's and the trial's number a
    resumed study draws what an unbroken one would. A quasi-random sequence is one for the whole study.
    """
    from hydra.utils import get_class
    from optuna.samplers import GridSampler, QMCSampler

    cls = get_class(config._target_)
    sequence = issubclass(cls, (QMCSampler, GridSampler))
    seed = study_seed if sequence else derive_seed(study_seed, *parts)
    return instantiate("hydra.sweeper.sampler", config, seed=seed)


def make_pruner(config: DictConfig) -> "BasePruner":
    return instantiate("hydra.sweeper.pruner", config)


def instantiate(key: str, config: DictConfig, **overrides: Any) -> Any:
    """Instantiate a `_target_` of the user's choice; `overrides` apply where its signature knows them.

    Raises:
        UserError: It does not exist, misses a package or refuses its arguments.
    """
    import hydra.utils
    from optuna.exceptions import ExperimentalWarning

    try:
        known = inspect.signature(hydra.utils.get_object(config._target_)).parameters
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return hydra.utils.instantiate(config, **{k: v for k, v in overrides.items() if k in known})
    except Exception as error:
        cause = error.__cause__ or error
        raise UserError(f"`{key}` cannot be made, got {config.get('_target_')}: {cause}") from error


def draw(
    study: "Study", taken: "FrozenTrial", space: Space, sampler: DictConfig, skip_duplicates: bool
) -> dict[str, Any]:
    """Return the values of a taken trial, and write them to the storage.

    A trial that waited with values, prescribed or of an earlier run, keeps them.
    """
    params = trial_params(taken)
    if set(params) != set(space.parameters):
        params = {**_propose(study, taken, space, sampler, skip_duplicates), **params}
    for name, parameter in space.parameters.items():
        if name not in taken.params:
            internal = parameter.distribution.to_internal_repr(params[name])
            study._storage.set_trial_param(taken._trial_id, name, internal, parameter.distribution)
    return {name: params[name] for name in space.parameters}


def _propose(
    study: "Study", taken: "FrozenTrial", space: Space, sampler: DictConfig, skip_duplicates: bool
) -> dict[str, Any]:
    seed = study.user_attrs["seed"]
    tried = [t.params for t in study.get_trials(deepcopy=False) if t.number != taken.number] if skip_duplicates else []
    params: dict[str, Any] = {}
    for attempt in range(MAX_DRAWS if skip_duplicates else 1):
        study.sampler = make_sampler(sampler, seed, taken.number, attempt)
        params = _sample(study, taken, space)
        if params not in tried:
            return params
    if space.size is not None and space.size <= MAX_LISTED:
        untried = [combo for combo in space.combinations(seed) if combo not in tried]
        if untried:
            return untried[derive_seed(seed, taken.number, MAX_DRAWS) % len(untried)]
    return params


def _sample(study: "Study", taken: "FrozenTrial", space: Space) -> dict[str, Any]:
    from optuna.trial import Trial

    # Trial narrows the study to a pruner's bracket first, as Hyperband wants it.
    relative = Trial(study, taken._trial_id).relative_params
    values = {}
    for name, parameter in space.parameters.items():
        if parameter.distribution.single():
            value = parameter.values[0] if parameter.values else None
        elif name in relative:
            value = relative[name]
        else:
            value = study.sampler.sample_independent(study, taken, name, parameter.distribution)
        values[name] = parameter.on_grid(value)
    return values
