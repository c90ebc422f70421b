"""Which of the defaults do not fit a study: a pruner or a scheduler that nobody asked for, where it would do harm."""

from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

PRUNER, SCHEDULER = "hydra/sweeper/pruner", "hydra/sweeper/scheduler"
DEFAULT_PRUNER = "successive_halving"
NO_PRUNER = {"_target_": "optuna.pruners.NopPruner"}


def set_aside_scheduler(config: DictConfig, enumerated: bool, before: bool = False) -> None:
    """Let all trials run on unless the command line names a scheduler.

    Enumerated combinations are there to be compared, each at its end. A study of several objectives that was begun
    `before` there was a scheduler for them goes on without.
    """
    sweeper = config.hydra.sweeper
    several = not isinstance(sweeper.direction, str) and len(sweeper.direction or []) > 1
    if (enumerated or (several and before)) and not _typed(config, SCHEDULER):
        with open_dict(config):
            sweeper.scheduler = {}


def set_aside_pruner(config: DictConfig, enumerated: bool) -> None:
    """Take the plugin's default pruner out where combinations are enumerated, and where a scheduler does its work."""
    sweeper = config.hydra.sweeper
    chosen = config.hydra.runtime.choices.get(PRUNER) != DEFAULT_PRUNER or _typed(config, PRUNER)
    if (enumerated or sweeper.scheduler) and not chosen:
        with open_dict(config):
            sweeper.pruner = NO_PRUNER


def _typed(config: DictConfig, group: str) -> bool:
    """Whether the command line chooses an option of the group, or sets keys of one."""
    keys = (f"{group}=", f"{group.replace('/', '.')}.")
    # As typed: what an override refers to, such as a job's number, may not be there yet.
    typed: Any = OmegaConf.to_container(config.hydra.overrides.hydra, resolve=False)
    return any(override.lstrip("+").startswith(keys) for override in typed)
