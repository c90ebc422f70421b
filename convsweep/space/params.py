"""`hydra.sweeper.params` as YAML has it, in the syntax of the command line."""

from collections.abc import Iterator, Mapping
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from convsweep.space.values import as_override_value

KEY = "hydra.sweeper.params"


def as_overrides(params: Mapping[str, Any], config: DictConfig | None, notes: list[str]) -> list[str]:
    """Return an override for each of the params.

    A string is in the syntax of the command line already; any other value is a fixed one, but for a list where the
    config has a single value: it is searched. A mapping in which something is searched is one of keys, each by itself.

    Args:
        params: Key to text, or value.
        config: The app's, None where it is not known.
        notes: Grows by what may be meant otherwise.
    """
    lines = []
    for key, value in params.items():
        inside = dict(_inside(key, value))
        if any(isinstance(item, str) and _is_sweep(f"{name}={item}") for name, item in inside.items()):
            lines += as_overrides(inside, config, notes)
        elif isinstance(value, list) and len(value) > 1:
            choices = ",".join(map(as_override_value, value))
            if _is_single(config, key):
                lines.append(f"{key}={choices}")
            else:
                notes.append(f'`{KEY}.{key}`: the list is one value; to search what is in it, write {key}: "{choices}"')
                lines.append(f"{key}={as_override_value(value)}")
        else:
            lines.append(f"{key}={value if isinstance(value, str) else as_override_value(value)}")
    return lines


def _inside(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield what is in a mapping, and in those within it, each under its full name."""
    for name, item in value.items() if isinstance(value, Mapping) else ():
        if isinstance(item, Mapping) and item:
            yield from _inside(f"{key}.{name}", item)
        else:
            yield f"{key}.{name}", item


def _is_sweep(line: str) -> bool:
    try:
        return OverridesParser.create().parse_override(line).is_sweep_override()
    except HydraException:
        return False


def _is_single(config: DictConfig | None, key: str) -> bool:
    """Whether the config's own value is a number, a text or the like, or a group's one option."""
    if config is None:
        return False
    choices = OmegaConf.select(config, "hydra.runtime.choices", default={})
    if key in choices:
        return isinstance(choices[key], str)
    try:
        return isinstance(OmegaConf.select(config, key.lstrip("+")), str | int | float)
    except OmegaConfBaseException:
        return False
