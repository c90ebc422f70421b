"""What a training run is: the typed schema, its checks, and how Hydra hears of both. Imports no Keras."""

import sys

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from src.config import augmentation, dataset, help, model, objective, schedule, spared, training
from src.config.begun import as_begun, new_defaults
from src.config.build import as_yaml, make_optimizer
from src.config.checks import ConfigError, check, settings
from src.config.evaluation import EvaluationConfig
from src.config.flags import as_dry_run, flags_first
from src.config.problems import all_problems, groups
from src.config.reading import read_config
from src.config.refusal import refuse
from src.config.schema import DEFAULT_EXPERIMENT, Config, TrackingConfig
from src.config.training import TrainingConfig
from src.process import for_workers

__all__ = [
    "DEFAULT_EXPERIMENT",
    "Config",
    "ConfigError",
    "TrackingConfig",
    "TrainingConfig",
    "all_problems",
    "as_begun",
    "as_dry_run",
    "as_yaml",
    "check",
    "flags_first",
    "groups",
    "make_optimizer",
    "new_defaults",
    "read_config",
    "refuse",
    "register",
    "settings",
]


def register() -> None:
    """Tell Hydra the schema, and OmegaConf the resolvers: the sweep's direction, which follows the objective, how many
    steps a trial has, and what a cluster's jobs get of the environment.
    """
    spared.spare(sys.argv)
    store = ConfigStore.instance()
    store.store(name="schema", node=Config)
    store.store(group="schemas", name="training", node=TrainingConfig)
    store.store(group="schemas", name="evaluation", node=EvaluationConfig)
    store.store(group="schemas", name="tracking", node=TrackingConfig)
    dataset.register(store)
    model.register(store)
    schedule.register(store)
    augmentation.register(store)
    OmegaConf.register_new_resolver("help", help.text, replace=True)
    OmegaConf.register_new_resolver("directions_of", objective.directions, replace=True)
    OmegaConf.register_new_resolver("total_epochs", training.total_epochs, replace=True)
    OmegaConf.register_new_resolver("names_of", objective.objectives, replace=True)
    OmegaConf.register_new_resolver("steps_of", dataset.steps, replace=True)
    OmegaConf.register_new_resolver("environment_for_workers", for_workers, replace=True)
