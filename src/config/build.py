"""From a config to objects and text, for rooms that know neither Hydra nor OmegaConf."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from src.config.own_model import Custom
from src.config.schema import Config

if TYPE_CHECKING:
    import keras


def make_optimizer(optimizer: dict[str, Any]) -> "keras.optimizers.Optimizer":
    """Instantiate `optimizer`, a `_target_` with its arguments."""
    return _instantiated(optimizer)


def make_arguments(arguments: dict[str, Any]) -> dict[str, Any]:
    """Instantiate those of the arguments that are, or hold, a `_target_`; lists are lists."""
    return {key: _instantiated(value) if isinstance(value, dict | list) else value for key, value in arguments.items()}


def _instantiated(value: dict[str, Any] | list[Any]) -> Any:
    """Instantiate with Python's own lists and dictionaries, unless it says otherwise: Keras can save no OmegaConf's."""
    from hydra.utils import instantiate

    says = isinstance(value, dict) and "_convert_" in value
    return instantiate(value) if says else instantiate(value, _convert_="all")


def as_yaml(config: Config) -> str:
    """Write the whole config as YAML."""
    shown = replace(config, model=config.model.group) if isinstance(config.model, Custom) else config
    return OmegaConf.to_yaml(OmegaConf.structured(shown))
