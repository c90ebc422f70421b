"""From a config to objects and text, for rooms that know neither Hydra nor OmegaConf."""

from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from src.config.schema import Config

if TYPE_CHECKING:
    import keras


def make_optimizer(optimizer: dict[str, Any]) -> "keras.optimizers.Optimizer":
    """Instantiate `optimizer`, a `_target_` with its arguments."""
    from hydra.utils import instantiate

    return instantiate(optimizer)


def as_yaml(config: Config) -> str:
    """Write the whole config as YAML."""
    return OmegaConf.to_yaml(OmegaConf.structured(config))
