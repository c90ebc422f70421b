"""Samplers, pruners and functions of the user's choice, made from their `_target_` or dotted path."""

import importlib.util
import inspect
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from convsweep.errors import UserError, listed

if TYPE_CHECKING:
    from collections.abc import Callable

    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.trial import Trial


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
        unknown = [str(name) for name in config if not str(name).startswith("_") and name not in known]
        if "seed" in unknown and config.seed is None:  # every option for samplers has it
            unknown.remove("seed")
            config = OmegaConf.masked_copy(config, [str(name) for name in config if name != "seed"])
        if unknown and not any(parameter.kind == parameter.VAR_KEYWORD for parameter in known.values()):
            left_over, problems = _left_over(key, config, unknown)
            raise UserError(
                [
                    *problems,
                    *(
                        f"`{key}.{name}` is no argument of {config._target_}, perhaps no more; take it out, or, "
                        f"where a config has it, type ~{key}.{name}; it has {listed(name, known)}"
                        for name in unknown
                        if name not in left_over
                    ),
                ]
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


def _left_over(key: str, config: DictConfig, unknown: list[str]) -> tuple[set[str], list[str]]:
    """Return those keys that an option has left behind whose class was replaced, and what to do about them."""
    group = key.replace(".", "/")
    spec = importlib.util.find_spec("hydra_plugins.hydra_convsweep.conf")
    folders = (spec and spec.submodule_search_locations) or []
    files = [file for folder in folders for file in sorted((Path(folder) / group).glob("*.yaml"))]
    options: dict[str, Any] = {file.stem: OmegaConf.to_container(OmegaConf.load(file)) for file in files}
    target = str(config._target_)
    fits = [name for name, option in options.items() if option["_target_"] == target]
    fits.sort(key=lambda name: name.replace("_", "") not in target.lower())
    for name, option in sorted(options.items(), key=lambda found: -len(found[1])):  # the one that says most
        keys = set(option) - {"_target_", "seed"}
        wrong = keys & set(unknown)
        if name in fits or not wrong or not keys <= set(map(str, config)):
            continue
        bare = min(options, key=lambda other: len(options[other]))
        instead = f"type {group}={fits[0]}" if fits else f"begin with an option that has none: {group}={bare}"
        return wrong, [
            f"`{key}` has keys of the option {name}, {', '.join(sorted(wrong))}, which {target} does not have; "
            f"{instead}, on the command line or as `override {group}: {fits[0] if fits else bare}` in the defaults list"
        ]
    return set(), []


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
