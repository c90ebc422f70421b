"""Everything that can be wrong with a sweep before it starts, said at once."""

import dataclasses
import importlib.util
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from convsweep.config import OFFICIAL, ConvsweepConf
from convsweep.driver.durations import read_durations
from convsweep.errors import UserError, explain, install, settable, unknown_keys
from convsweep.policy.brackets import EQUAL, LEARNED
from convsweep.policy.budget import check as check_budget
from convsweep.policy.budget import count_trials
from convsweep.sampling.instantiate import load_custom, make_pruner, make_sampler
from convsweep.space.compose import Composer
from convsweep.space.conditions import restrict
from convsweep.space.grammar import parse, parse_most
from convsweep.space.official import KEY as SEARCH_SPACE
from convsweep.space.official import refuse_search_space, refuse_storage
from convsweep.space.parameter import ends
from convsweep.space.space import Space
from convsweep.storage.address import check_storage
from convsweep.study.callback import StudyCallback
from convsweep.study.queue import parse_enqueue
from convsweep.study.warm_start import find_earlier

SCHEDULER = (
    "min_resource", "reduction_factor", "max_resource", "brackets", "bracket_shares", "random_share", "near_share",
    "enough_results",
)  # fmt: skip

# Samplers import these when the first trial is drawn, which is late to hear of them: modules, each with its package.
NEEDS = {"CmaEsSampler": {"cmaes": "cmaes"}, "GPSampler": {"torch": "torch"}, "CqrSampler": {"sklearn": "scikit-learn"}}


def check_settings(sweeper: DictConfig, in_process: bool) -> list[str]:
    """Return what is wrong with the values under `hydra.sweeper`, whose times become seconds.

    `in_process`: There is one worker, the driver.
    """
    named = {key: sweeper[key] for key in ("scheduler", "sampler", "pruner") if isinstance(sweeper[key], str)}
    if named:  # an option of a group, typed as if it were a value
        return [
            f"`hydra.sweeper.{key}` must be a mapping, which an option of its group is, got {name}; type "
            f"hydra/sweeper/{key}={name}"
            for key, name in named.items()
        ]
    problems = unknown_keys("hydra.sweeper", [key for key in sweeper if key != SEARCH_SPACE], settable(ConvsweepConf))
    if sweeper.get(SEARCH_SPACE) is not None:
        problems.append(refuse_search_space(plain(sweeper[SEARCH_SPACE])))
    if not isinstance(sweeper.storage, str | None):
        problems.append(refuse_storage(plain(sweeper.storage)))
        sweeper.storage = None  # all else that is wrong is said as well
    if sweeper.get("_target_") == OFFICIAL:
        problems.append(
            f"`hydra.sweeper._target_` is the official sweeper's class, {OFFICIAL}; take the line out: "
            "`override hydra/sweeper: convsweep` brings its own"
        )
    if scheduler := sweeper.scheduler:
        problems += unknown_keys("hydra.sweeper.scheduler", scheduler, SCHEDULER)
        if not problems and not {"reduction_factor", "max_resource"} <= scheduler.keys():
            keys = ", ".join(map(str, scheduler))
            problems.append(
                f"`hydra.sweeper.scheduler` must be an option of its group, got none and {keys} of one; type "
                "hydra/sweeper/scheduler=asha as well"
            )
            sweeper.scheduler = {}

    def expect(key: str, good: bool, expected: str, instead: str) -> None:
        if not good:
            got = OmegaConf.select(sweeper, key)
            problems.append(
                f"`hydra.sweeper.{key}` must be {expected}, got {got}; type e.g. hydra.sweeper.{key}={instead}"
            )

    problems += check_budget(sweeper) + read_durations(sweeper)
    most = sweeper.max_resource
    # Where it is an app's own key, the app says what is wrong with that.
    good = most is None or most >= 1 or OmegaConf.is_interpolation(sweeper, "max_resource")
    expect("max_resource", good, "1 or more steps, or null", "10")
    expect("n_jobs", sweeper.n_jobs is None or sweeper.n_jobs >= 1, "1 or more, or null for one a core", "2")
    most = sweeper.workers_per_gpu
    expect("workers_per_gpu", most is None or most >= 1, "1 or more, or null", "4")
    expect("patience", sweeper.patience is None or sweeper.patience >= 1, "1 or more trials, or null", "20")
    rate, row = sweeper.max_failure_rate, sweeper.max_consecutive_failures
    expect("max_failure_rate", rate is None or 0 <= rate <= 1, "from 0 to 1, or null", "0.5")
    expect("max_consecutive_failures", row is None or row >= 1, "1 or more trials, or null", "10")
    expect("on_change", sweeper.on_change in ("error", "continue", "new"), "error, continue or new", "continue")
    expect("max_retries", sweeper.max_retries >= 0, "0 or more", "2")
    expect("seed", sweeper.seed is None or 0 <= sweeper.seed < 2**32, "an integer from 0 to 2**32 - 1, or null", "0")
    seeds = sweeper.trial_seeds
    expect("trial_seeds", seeds in (None, "own", "common"), "own, common or null", "common")
    name = sweeper.study_name
    expect("study_name", name is None or bool(name.strip()), "a name, or null", "my_study")
    known = [str(direction) in ("minimize", "maximize") for direction in directions(sweeper)]
    expect("direction", bool(known) and all(known), "minimize or maximize, or a list of them", "maximize")
    names: Any = plain(sweeper.metric_names)
    good = names is None or (isinstance(names, list) and len(names) == len(known))
    expect("metric_names", good, f"a list of {len(known)}, a name for each direction, or null", "[accuracy]")
    if scheduler := sweeper.scheduler:
        first, rows = scheduler.get("min_resource"), scheduler.get("brackets")
        expect("scheduler.min_resource", first is None or first >= 1, "1 or more steps, or null", "3")
        expect("scheduler.reduction_factor", scheduler.get("reduction_factor", 2) >= 2, "2 or more", "3")
        most = scheduler.get("max_resource")
        expect("scheduler.max_resource", most is None or most >= 1, "1 or more steps, or null", "27")
        expect("scheduler.brackets", rows is None or rows >= 1, "1 or more, or null", "2")
        shares = scheduler.get("bracket_shares")
        expect("scheduler.bracket_shares", shares in (None, EQUAL, LEARNED), "equal, learned or null", LEARNED)
        for key in ("random_share", "near_share"):
            share = scheduler.get(key)
            expect(f"scheduler.{key}", share is None or 0 <= share <= 1, "from 0 to 1, or null", "0.25")
        enough = scheduler.get("enough_results")
        expect("scheduler.enough_results", enough is None or enough >= 1, "1 or more, or null", "10")
    for key in ("target", "patience"):
        single = len(known) == 1 or sweeper[key] is None
        expect(key, single, "null in a study with several objectives, which has no single best value", "null")
    if str(sweeper.storage).startswith("sqlite") and sweeper.n_jobs != 1 and not in_process:
        problems.append(
            f"`hydra.sweeper.storage` must not be SQLite with more than one worker, which corrupts the queue of "
            f"waiting trials, got {sweeper.storage}; leave it out (a journal file), or type hydra.sweeper.n_jobs=1"
        )
    problems += filter(None, map(_check_module, sweeper.preload))
    return problems + check_storage(sweeper.storage) + _check_parts(sweeper)


def check_launcher(launcher: DictConfig) -> list[str]:
    """Return which keys of `hydra.launcher` do not exist, where the launcher itself does not see them."""
    schema = OmegaConf.get_type(launcher)
    return unknown_keys("hydra.launcher", launcher, settable(schema)) if dataclasses.is_dataclass(schema) else []


def _check_module(name: str) -> str | None:
    """Return what is wrong with a name in `preload`; nothing is imported for that.

    What is below the first name may be there only once its package is imported: the import tells.
    """
    top = name.partition(".")[0]
    if top and any(finder.find_spec(top, None) for finder in sys.meta_path):
        return None
    return (
        f"`hydra.sweeper.preload` must be a list of modules that can be imported, got {name}: there is no {top}; "
        "type e.g. hydra.sweeper.preload=[numpy], or [] for none"
    )


def directions(sweeper: DictConfig) -> list[str]:
    """Return `hydra.sweeper.direction` as a list."""
    given: Any = sweeper.direction
    return [given] if isinstance(given, str) else list(given or [])


def _check_parts(sweeper: DictConfig) -> list[str]:
    problems = []
    for key, make in (
        ("sampler", lambda: make_sampler(sweeper.sampler, 0, 0)),
        ("pruner", lambda: make_pruner(sweeper.pruner)),
    ):
        name = str(OmegaConf.select(sweeper, f"{key}._target_")).rpartition(".")[2]
        missing = [
            package for module, package in NEEDS.get(name, {}).items() if importlib.util.find_spec(module) is None
        ]
        if missing:
            problems.append(f"`hydra.sweeper.{key}` {name} needs {' and '.join(missing)}; type {install(*missing)}")
            continue
        try:
            make()
        except UserError as error:
            problems += error.problems
    return problems


def read_space(arguments: Sequence[str], compose: Composer, loader: ConfigLoader) -> Space:
    """Return what is to be searched: overrides, `params`, `conditions`, `custom_search_space`.

    Raises:
        UserError: Some of it cannot be understood, or `enqueue` does not lie in it.
    """
    sweeper = compose.config.hydra.sweeper
    params, conditions = plain(sweeper.params) or {}, plain(sweeper.conditions) or {}
    space, problems = parse_most(arguments, params, loader, compose.config)
    if problems:  # what stands beside it may be wrong as well
        problems += check_trials(compose, space, loader, ())
        raise UserError(problems)
    space = dataclasses.replace(space, custom=sweeper.custom_search_space)
    if space.custom:
        try:
            load_custom(space.custom)
        except UserError as error:
            problems += error.problems
    try:
        others = parse([], params, loader, compose.config).parameters
        space = restrict(space, conditions, compose, others, loader.get_group_options)
        parse_enqueue(plain(sweeper.enqueue) or [], space, count_trials(sweeper, space.size))
    except UserError as error:
        problems += error.problems
    if problems:
        raise UserError(problems)
    return space


def check_warm_start(sweeper: DictConfig, directory: Path) -> list[str]:
    """Return what is wrong with `hydra.sweeper.warm_start_from`."""
    try:
        find_earlier(plain(sweeper.warm_start_from), sweeper.storage, directory, sweeper.study_name)
    except UserError as error:
        return error.problems
    return []


def plain(value: Any) -> Any:
    """Return a config node as Python's own lists and dicts."""
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def check_trials(
    compose: Composer, space: Space, loader: ConfigLoader, callbacks: Sequence[StudyCallback]
) -> Iterable[str]:
    """Compose enough trial configs that each searched value appears, and yield what Hydra or the app objects to."""
    wrong: set[str] = set()
    for params in space.examples():
        overrides = [override for override in space.overrides(params) if override not in wrong]
        try:
            composed = compose(overrides)
        except HydraException as error:
            groups = [*map(str, compose.config.hydra.runtime.choices), *loader.list_groups("")]
            apart = dict(_objections(overrides, compose, loader))
            wrong.update(apart)
            yield from (_with_whole_numbers(override, explain(one, groups), space) for override, one in apart.items())
            if not apart:
                yield explain(error, groups)
            continue
        if wrong:  # the app would object to what it is not given
            continue
        OmegaConf.set_readonly(composed, True)
        for callback in callbacks:
            yield from callback.check(composed)


def _with_whole_numbers(override: str, problem: str, space: Space) -> str:
    """Say so where all of an interval is drawn for a key that takes whole numbers."""
    name = override.split("=")[0]
    parameter = space.parameters.get(name.lstrip("+"))
    if parameter is None or parameter.values is not None or "must be a whole number" not in problem:
        return problem
    low, high = ends(parameter)
    instead = f"interval({math.ceil(low)},{math.floor(high)})"
    instead = f"tag(log,{instead})" if getattr(parameter.distribution, "log", False) else instead
    return f"`{name}` must be a whole number, got any from {low:g} to {high:g}; type '{name}=int({instead})'"


def _objections(
    overrides: Sequence[str], compose: Composer, loader: ConfigLoader
) -> Iterable[tuple[str, HydraException]]:
    """Yield each override of a key that cannot be composed beside the groups' choices and those before it."""
    kept = [override for override in overrides if loader.get_group_options(override.split("=")[0].lstrip("+"))]
    try:
        compose(kept)
    except HydraException:  # the choices themselves are wrong
        return
    for override in (other for other in overrides if other not in kept):
        try:
            compose([*kept, override])
            kept.append(override)
        except HydraException as error:
            yield override, error
