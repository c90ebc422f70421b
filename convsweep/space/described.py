"""The configuration that the config itself describes: what a trial would be if nothing were searched."""

from collections.abc import Callable
from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from convsweep.space.space import Space

ABSENT = object()


def described(space: Space, compose: Callable[[list[str]], DictConfig]) -> dict[str, Any]:
    """Return the config's own values of the searched keys, those that lie in the space.

    What belongs to a group's option that is not in the space is left out with it: it would be another option's. There
    are none where the config cannot be composed without a searched group.

    Args:
        space: What is searched.
        compose: Makes a config from overrides.
    """
    try:
        config = compose(space.fixed)
    except (HydraException, OmegaConfBaseException):
        return {}
    choices = config.hydra.runtime.choices
    values = {name: value for name in space.parameters if (value := _value(config, name)) is not ABSENT}
    known = {name: space.parameters[name].on_grid(value) for name, value in space.agreeing(values).items()}
    apart = tuple(_package(name) for name in space.parameters if name in choices and name not in known)
    return space.agreeing({name: value for name, value in known.items() if not name.startswith(apart)})


def _value(config: DictConfig, name: str) -> Any:
    """Return a group's option, or a key's value; ABSENT where there is none, or it is missing or cannot be resolved."""
    if name in config.hydra.runtime.choices:
        return config.hydra.runtime.choices[name]
    try:
        value = OmegaConf.select(config, name, default=ABSENT, throw_on_missing=True)
        return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
    except OmegaConfBaseException:
        return ABSENT


def _package(group: str) -> str:
    return group.rpartition("@")[2].replace("/", ".") + "."
