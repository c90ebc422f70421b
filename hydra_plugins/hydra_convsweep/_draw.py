"""Which values a trial gets: prescribed ones, or the sampler's, drawn from a seed of the trial's own."""

import inspect
import sys
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from ._asha import Asha
from ._errors import UserError, listed
from ._queue import agree, hashable, trial_params
from ._space import Space

if TYPE_CHECKING:
    from collections.abc import Callable

    from optuna import Study
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial, Trial

# So often is a combination that has been run drawn anew, before one that has not is picked at random.
MAX_DRAWS = 20
# With a scheduler one draw in so many is random: what a rung says of a configuration may be wrong.
RANDOM_SHARE = 4
# Up to this many combinations are looked through for that; above, a duplicate is next to impossible.
MAX_LISTED = 100_000


def derive_seed(*parts: int) -> int:
    """Derive an integer below 2**32 from integers (NumPy's SeedSequence)."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def make_sampler(config: DictConfig, study_seed: int, *parts: int, conditional: bool = False) -> "BaseSampler":
    """Instantiate `hydra.sweeper.sampler` with a seed of the trial's own.

    Samplers keep no random state in the storage; with a seed from the study's and the trial's number a
    resumed study draws what an unbroken one would. A quasi-random sequence is one for the whole study.
    In a conditional space TPE looks at each group of keys that occur together, unless it was set up otherwise.
    """
    from optuna.samplers import BaseSampler, GridSampler, QMCSampler

    cls = _find("hydra.sweeper.sampler", config)
    if restart := config.get("restart_strategy"):
        raise UserError(
            f"`hydra.sweeper.sampler.restart_strategy` must be null, got {restart}: Optuna's CMA-ES has no restarts "
            "any more, since 4.4; take it out"
        )
    sequence = isinstance(cls, type) and issubclass(cls, (QMCSampler, GridSampler))
    arguments: dict[str, Any] = {"seed": study_seed if sequence else derive_seed(study_seed, *parts)}
    if conditional and config.get("group") is None and config.get("multivariate") is not False:
        arguments |= {"group": True, "multivariate": True}
    sampler = instantiate("hydra.sweeper.sampler", config, **arguments)
    if not isinstance(sampler, BaseSampler):
        raise UserError(
            f"`hydra.sweeper.sampler` must make an Optuna sampler, got {type(sampler).__name__} from "
            f"{config._target_}; type e.g. hydra/sweeper/sampler=tpe, or =grid for a grid"
        )
    return sampler


def make_pruner(config: DictConfig) -> "BasePruner":
    return instantiate("hydra.sweeper.pruner", config)


def instantiate(key: str, config: DictConfig, **overrides: Any) -> Any:
    """Instantiate a `_target_` of the user's choice; `overrides` apply where its signature knows them.

    Raises:
        UserError: It does not exist, misses a package or refuses its arguments.
    """
    import hydra.utils
    from optuna.exceptions import ExperimentalWarning

    target = _find(key, config)
    try:
        known = inspect.signature(target).parameters
        unknown = [name for name in config if not str(name).startswith("_") and name not in known]
        if unknown and not any(parameter.kind == parameter.VAR_KEYWORD for parameter in known.values()):
            raise UserError(
                f"`{key}.{name}` is no argument of {config._target_}, perhaps no more; take it out: ~{key}.{name}; "
                f"it has {listed(str(name), known)}"
                for name in unknown
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            # Of arguments that Optuna is going to drop: configs for the official sweeper set them, and they do work.
            warnings.simplefilter("ignore", FutureWarning)
            return hydra.utils.instantiate(config, **{k: v for k, v in overrides.items() if k in known})
    except UserError:
        raise
    except Exception as error:
        cause = error.__cause__ or error
        raise UserError(f"`{key}` cannot be made, got {config._target_}: {cause}") from error


def _find(key: str, config: DictConfig) -> Any:
    from hydra._internal.utils import _locate  # hydra.utils.get_object logs a trace of its own

    target = str(config.get("_target_"))
    try:
        return _locate(target)
    except Exception as error:
        module, _, name = target.rpartition(".")
        names = [known for known in dir(sys.modules.get(module)) if known.lower().endswith(key.rpartition(".")[2])]
        raise UserError(
            f"`{key}._target_` must be the dotted path of a class, got {target}, which cannot be imported"
            + (f"; {module} has {listed(name, names)}" if names else f": {error.__cause__ or error}")
        ) from error


def load_custom(path: str) -> "Callable[[DictConfig, Trial], Any]":
    """Return the function of `hydra.sweeper.custom_search_space`.

    Raises:
        UserError: There is none under this path, or its module cannot be imported.
    """
    from hydra._internal.utils import _locate

    try:
        if path.startswith("__main__."):
            raise ImportError("a worker has another __main__; type the script's own name instead of it")
        function = _locate(path)
        if not callable(function):
            raise TypeError(f"it is {function!r}, which cannot be called")
        return function
    except Exception as error:
        cause = error.__cause__ or error
        raise UserError(
            f"`hydra.sweeper.custom_search_space` must be the dotted path of a function (config, trial), such as "
            f"package.module.function, got {path}: {type(cause).__name__}: {cause}"
        ) from error


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
    from ._journal import together

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

    from ._view import SamplerView

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
