"""From what a user typed to a sweep that can run, or to all that is wrong with it."""

import itertools
import math
from collections.abc import Iterable
from typing import Any

from hydra.core.utils import JobRuntime
from hydra.types import HydraContext, TaskFunction
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from convsweep.config import OFFICIAL_OPTION, ConvsweepConf
from convsweep.driver.checks import check_launcher, check_settings, check_trials, check_warm_start, read_space
from convsweep.driver.folders import check_folders
from convsweep.driver.sweep import Steps, Sweep
from convsweep.errors import UserError, explain
from convsweep.space.compose import Composer
from convsweep.space.parameter import Parameter, ends
from convsweep.space.space import Space
from convsweep.space.values import is_number
from convsweep.study.identity import default_name, fixed_settings, schema_defaults, searched_settings
from convsweep.workers.launch import is_in_process, is_on_this_machine

WRITTEN = ("study_name", "storage")  # keys of hydra.sweeper that say which study it is


def prepare(
    hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig, arguments: list[str]
) -> Sweep:
    """Check everything that can be checked beforehand; change nothing on disk.

    Raises:
        UserError: With all that is wrong.
    """
    try:
        return _prepare(hydra_context, task_function, config, arguments)
    except OmegaConfBaseException as error:  # an interpolation of the user's that leads nowhere
        raise UserError(explain(error)) from error


def _prepare(
    hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig, arguments: list[str]
) -> Sweep:
    sweeper, loader = config.hydra.sweeper, hydra_context.config_loader
    as_written: Any = OmegaConf.to_container(sweeper, resolve=False)
    folder: Any = OmegaConf.to_container(config.hydra.sweep, resolve=False)
    written = {"hydra.sweep.dir": folder["dir"]} | {f"hydra.sweeper.{k}": as_written[k] for k in WRITTEN}
    with open_dict(config):  # a worker on another machine has another environment
        sweeper.storage = sweeper.storage
    callbacks = list(instantiate(sweeper.callbacks or {}).values())
    problems = _check_choice(config) + check_settings(sweeper, is_in_process(config))
    problems += check_launcher(config.hydra.launcher) if is_on_this_machine(config) else []
    compose = Composer(loader, config)
    try:
        space = read_space(arguments, compose, loader)
    except UserError as error:
        raise UserError(problems + error.problems) from None
    steps = Steps(config, space)
    _take_longest(config, space, steps)
    problems += check_trials(compose, space, loader, callbacks)
    name = sweeper.study_name or default_name(_job_name(config), space)
    with open_dict(config):
        if sweeper.seed is None:
            sweeper.seed = OmegaConf.select(sweeper, "sampler.seed")
    sweep = Sweep(hydra_context, task_function, config, compose, space, {}, callbacks, written, steps)
    sweep.rename(name)
    problems += check_warm_start(sweeper, sweep.directory)
    problems += check_folders(config, compose, space, folder["subdir"])
    if problems:
        raise UserError(problems)
    example = compose(space.overrides(next(space.examples())))
    sweep.settings = fixed_settings(example, space)
    sweep.inside = searched_settings(example, space)
    sweep.defaults = schema_defaults(example, [*sweep.settings, *sweep.inside]).union(
        *(c.defaults(example) for c in callbacks)
    )
    return sweep


def _check_choice(config: DictConfig) -> list[str]:
    """Refuse the official sweeper's option, which a config that was written for it chooses."""
    if config.hydra.runtime.choices.get("hydra/sweeper") != OFFICIAL_OPTION:
        return []
    with open_dict(config):
        config.hydra.sweeper._target_ = ConvsweepConf._target_  # all else that is wrong with it is said as well
    return [
        "`hydra/sweeper` must be convsweep, got optuna, the official sweeper, which is not installed; type "
        "hydra/sweeper=convsweep, or in the defaults list `- override hydra/sweeper: convsweep` (docs/migration.md)"
    ]


def _job_name(config: DictConfig) -> str:
    """Return the app's name; a job's own may have the job's number in it."""
    try:
        return config.hydra.job.name
    except OmegaConfBaseException:
        return JobRuntime.instance().get("name")


def _take_longest(config: DictConfig, space: Space, steps: Steps) -> None:
    """Let `max_resource` be that of the longest trial where it follows keys that are searched."""
    if not steps.keys:
        return
    extremes = itertools.product(*(_extremes(space.parameters[key]) for key in steps.keys))
    lengths = [steps(dict(zip(steps.keys, values, strict=True))) for values in extremes]
    with open_dict(config.hydra.sweeper):
        config.hydra.sweeper.max_resource = max(filter(is_number, lengths), default=None)


def _extremes(parameter: Parameter) -> Iterable[Any]:
    """Return the values between which all others are: the lowest and the highest number, and what is no number."""
    values = parameter.values or ends(parameter)
    numbers = [value for value in values if is_number(value) and math.isfinite(value)]
    others = [value for value in values if value is None]
    return {*others, *([min(numbers), max(numbers)] if numbers else [])}
