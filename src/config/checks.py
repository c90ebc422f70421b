"""What a typed schema cannot say about a config: ranges, names, and settings that contradict each other."""

import os
from dataclasses import fields, is_dataclass
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from convsweep.config import ConvsweepConf
from convsweep.errors import explain, settable, unknown_keys
from src.config import (
    augmentation,
    constraint,
    dataset,
    evaluation,
    model,
    objective,
    optimizer,
    pretrained,
    schedule,
    training,
)
from src.config.pretrained import Pretrained
from src.config.schema import DEFAULT_EXPERIMENT, Config


class ConfigError(Exception):
    """A config that cannot run; one line a problem."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


def settings(config: DictConfig) -> Config:
    """Turn a composed config into plain dataclasses.

    Raises:
        ConfigError: With all that is wrong with it.
    """
    # A sweep's config carries Hydra's own part, which is not ours to convert.
    try:
        groups: Any = OmegaConf.to_object(OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"]))
    except OmegaConfBaseException as error:
        raise ConfigError([explain(error)]) from error
    # What the user added at the top with `+` is his own affair.
    known: dict[str, Any] = {name.name: groups[name.name] for name in fields(Config)}
    known["model"] = model.read(known["model"])
    result = Config(**known)
    result.tracking.experiment = _experiment(result.tracking.experiment, config)
    if problems := [*_check_keys(config), *check(result)]:
        raise ConfigError(problems)
    return result


def _check_keys(config: DictConfig) -> list[str]:
    """Return a line for each key that a typed group does not have: a `+` or a file of the user's brings it in."""
    problems = []
    for field in fields(Config):
        group: Any = config[field.name]
        schema = OmegaConf.get_type(group) if OmegaConf.is_config(group) else None
        if is_dataclass(schema):
            problems += unknown_keys(field.name, group, settable(schema))
    if HydraConfig.initialized():  # of a single run, too, which does without them
        problems += check_sweeper_keys(HydraConfig.get().sweeper)
    return problems


def check_sweeper_keys(sweeper: DictConfig) -> list[str]:
    """Return a line for each key that `hydra.sweeper` does not have; nothing where it is another sweeper's."""
    schema = OmegaConf.get_type(sweeper)
    if not (is_dataclass(schema) and issubclass(schema, ConvsweepConf)):
        return []
    unknown = [key for key in sweeper if key not in settable(schema)]
    return unknown_keys("hydra.sweeper", unknown, settable(ConvsweepConf))


def _experiment(configured: str | None, config: DictConfig) -> str | None:
    """Return the experiment that is asked for; None where MLflow's environment names one by its id."""
    hydra = config.get("hydra") or (HydraConfig.get() if HydraConfig.initialized() else None)
    typed = [] if hydra is None else [*hydra.overrides.task]
    if configured not in (None, DEFAULT_EXPERIMENT) or any(one.startswith("tracking.experiment=") for one in typed):
        return configured or DEFAULT_EXPERIMENT
    by_id = os.environ.get("MLFLOW_EXPERIMENT_ID")
    return os.environ.get("MLFLOW_EXPERIMENT_NAME") or (None if by_id else DEFAULT_EXPERIMENT)


def check(config: Config) -> list[str]:
    """Return everything that is wrong with a config, one line a problem; reads no data."""
    return [
        *objective.check(config.objective),
        *constraint.check(config.constraints),
        *training.check(config.training),
        *optimizer.check(config.optimizer),
        *dataset.check(config.dataset),
        *model.check(config.model),
        *schedule.check(config.schedule),
        *augmentation.check(config.augmentation),
        *evaluation.check(config.evaluation),
        *_check_together(config),
        *_expect(
            config.tracking.patience >= 0, "tracking.patience", "seconds, 0 or more", config.tracking.patience, "10"
        ),
        *_expect(0 <= config.seed < 2**32, "seed", "an integer from 0 to 2**32 - 1", config.seed, "0"),
    ]


def _check_together(config: Config) -> list[str]:
    problems = []
    if config.training.batch_size == 1 and getattr(config.model, "batch_norm", False):
        problems.append(
            "`training.batch_size` must be 2 or more with batch normalization, which makes each batch of one image the "
            "same, got 1; type e.g. training.batch_size=32, or model.batch_norm=false"
        )
    smoothing, labels, name = config.training.label_smoothing, config.dataset.labels, config.schedule.name
    if smoothing and labels == "sparse":
        problems.append(
            f"`training.label_smoothing` must be 0 with dataset.labels=sparse, got {smoothing}; "
            "type e.g. dataset.labels=onehot"
        )
    problems += model.check_sizes(config.model, config.training.progressive_resizing)
    if isinstance(config.model, Pretrained):
        problems += pretrained.check_image_size(config.model, config.dataset.name, config.dataset.image_size)
    elif config.training.fine_tune_epochs:
        problems.append(
            f"`training.fine_tune_epochs` must be 0 with model={config.model.name}, which has no phases, got "
            f"{config.training.fine_tune_epochs}; type e.g. model=pretrained"
        )
    if config.training.fine_tune_epochs and isinstance(config.optimizer.get("learning_rate"), dict):
        problems.append(
            f"`training.fine_tune_epochs` must be 0 where optimizer.learning_rate is a schedule of its own, got "
            f"{config.training.fine_tune_epochs}; type e.g. optimizer.learning_rate=0.001"
        )
    if name != "constant" and isinstance(config.optimizer.get("learning_rate"), dict):
        problems.append(
            f"`schedule` must be constant where optimizer.learning_rate is a schedule of its own, got {name}; "
            "type e.g. schedule=constant"
        )
    return problems


def _expect(good: bool, key: str, expected: str, got: Any, instead: str) -> list[str]:
    return [] if good else [f"`{key}` must be {expected}, got {got}; type e.g. {key}={instead}"]
