"""A config as a run has recorded it: `as_yaml` backwards."""

from dataclasses import MISSING, fields
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from src.config.augmentation import AugmentationConfig
from src.config.checks import ConfigError, settings
from src.config.dataset import DATASETS
from src.config.evaluation import EvaluationConfig
from src.config.model import ARCHITECTURES
from src.config.pretrained import Pretrained
from src.config.schedule import SCHEDULES
from src.config.schema import Config, TrackingConfig
from src.config.training import TrainingConfig


def read_config(text: str) -> Config:
    """Return the config of a run; keys that came later have their defaults.

    Raises:
        ConfigError: It is none, or cannot run here.
    """
    try:
        groups: Any = yaml.safe_load(text)
        schemas = {
            "dataset": DATASETS[groups["dataset"]["name"]].schema,
            "schedule": SCHEDULES[groups["schedule"]["name"]],
            "augmentation": AugmentationConfig,
            "training": TrainingConfig,
            "evaluation": EvaluationConfig,
            "tracking": TrackingConfig,
        }
        own = {schema.__name__.lower(): schema for schema in (*ARCHITECTURES, Pretrained)}
        if (schema := own.get(groups["model"].get("name", ""))) and "_target_" not in groups["model"]:
            schemas["model"] = schema
        composed: Any = {}
        for field in fields(Config):
            if field.name not in groups and field.default_factory is not MISSING:  # it came later
                composed[field.name] = field.default_factory()
            elif field.name in schemas:
                composed[field.name] = OmegaConf.merge(OmegaConf.structured(schemas[field.name]), groups[field.name])
            else:
                composed[field.name] = groups[field.name]
        config = OmegaConf.create(composed)
        assert isinstance(config, DictConfig)  # it is made of a dict
        return settings(config)
    except (OmegaConfBaseException, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        said = str(error).partition("\n")[0]
        raise ConfigError([f"config.yaml is of another version, or no config of a run: {said}"]) from error
