"""Which values a trial gets: prescribed ones, or the sampler's, drawn from a seed of the trial's own."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from convsweep.policy.asha import Asha
from convsweep.space.space import Space
from convsweep.study.queue import agree, hashable, trial_params

if TYPE_CHECKING:
    from collections.abc import Callable

    from optuna import Study
    from optuna.trial import FrozenTrial, Trial
from convsweep.sampling.instantiate import derive_seed, load_custom, make_sampler

# So often is a combination that has been run drawn anew, before one that has not is picked at random.
MAX_DRAWS = 20
# With a scheduler one draw in so many is random: what a rung says of a configuration may be wrong.
RANDOM_SHARE = 4
# Up to this many combinations are looked through for that; above, a duplicate is next to impossible.
MAX_LISTED = 100_000


def draw(
    study: "Study",
    taken: "FrozenTrial",
    space: Space,
    sweeper: DictConfig,
    compose: "Callable[[list[str]], DictConfig]",
) -> dict[str, Any]:
    """Return the values of a taken trial, and write them to the storage.

    A trial that waited with values, prescribed or of an earlier run, keeps them.

    Args:
        study: The study.
        taken: The trial.
        space: What is searched.
        sweeper: `hydra.sweeper`.
        compose: Makes a config from overrides, for a custom search space.
    """
    from convsweep.storage.journal import together

    params = trial_params(taken)
    trial = None
    if space.custom or space.missing(params):
        params, trial = propose(study, taken, space, params, sweeper)
    with together(study._storage):
        for name, parameter in space.parameters.items():
            if name in params and name not in taken.params:
                internal = parameter.distribution.to_internal_repr(params[name])
                study._storage.set_trial_param(taken._trial_id, name, internal, parameter.distribution)
    if space.custom and trial is not None:
        trial._cached_frozen_trial = study._storage.get_trial(taken._trial_id)
        _extend(trial, space, compose(space.overrides(params)))
        return trial.params
    return params


def propose(
    study: "Study", taken: "FrozenTrial", space: Space, known: dict[str, Any], sweeper: DictConfig
) -> "tuple[dict[str, Any], Trial]":
    """Return a value for each key that the trial has, and Optuna's trial with the sampler that chose them."""
    from optuna.trial import Trial

    from convsweep.sampling.sampler_view import SamplerView

    seed = study.user_attrs["seed"]
    known = {name: value for name, value in known.items() if name in space.parameters}
    others = study.get_trials(deepcopy=False) if sweeper.skip_duplicates and space.missing(known) else []
    asha, sampler = Asha.of(sweeper), sweeper.sampler
    if asha is not None and derive_seed(seed, taken.number, RANDOM_SHARE) % RANDOM_SHARE == 0:
        sampler = OmegaConf.create({"_target_": "optuna.samplers.RandomSampler"})
    attempt = 0
    while True:
        study.sampler = make_sampler(sampler, seed, taken.number, attempt, conditional=space.conditional)
        trial = Trial(SamplerView(study, study.sampler, asha), taken._trial_id)
        params = _sample(trial, taken, space, known)
        # Compared one by one, since most draws are new: putting thousands into a set takes longer.
        if not any(other.params == params and other.number != taken.number for other in others):
            return params, trial
        attempt += 1
        if attempt == MAX_DRAWS:
            break
    if space.size is not None and space.size <= MAX_LISTED:
        tried = {hashable(other.params) for other in others if other.number != taken.number}
        untried = [c for c in space.combinations(seed) if hashable(c) not in tried and agree(known, c)]
        if untried:
            params = untried[derive_seed(seed, taken.number, MAX_DRAWS) % len(untried)]
    return params, trial


def _sample(trial: "Trial", taken: "FrozenTrial", space: Space, known: Mapping[str, Any]) -> dict[str, Any]:
    study = trial.study
    relative = trial.relative_params
    values: dict[str, Any] = {}
    for name, parameter in space.parameters.items():
        if not parameter.active(values):
            continue
        if parameter.distribution.single():
            value = parameter.values[0] if parameter.values else None
        elif name in relative:
            value = relative[name]
        else:
            value = study.sampler.sample_independent(study, taken, name, parameter.distribution)
        # Drawn also where it is known: what is drawn after it is the same when a trial is taken up again.
        values[name] = parameter.on_grid(known.get(name, value))
    return values


def _extend(trial: "Trial", space: Space, config: DictConfig) -> None:
    """Let `hydra.sweeper.custom_search_space` suggest more."""
    load_custom(str(space.custom))(config, trial)
    if overlap := space.fixed_names & {name.lstrip("+") for name in trial.params}:
        raise ValueError(
            f"{space.custom} must not suggest what the command line fixes, got {', '.join(sorted(overlap))}; "
            "take it off the command line, or do not suggest it where the config has it"
        )
