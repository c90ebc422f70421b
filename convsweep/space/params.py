"""`hydra.sweeper.params` as YAML has it, in the syntax of the command line."""

from collections.abc import Iterator, Mapping
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from convsweep.errors import bounded, printable
from convsweep.space.values import as_override_value

KEY = "hydra.sweeper.params"
SHOWN = 100  # characters of a value


def as_overrides(
    params: Mapping[str, Any], config: DictConfig | None, problems: list[str], notes: list[str]
) -> list[str]:
    """Return an override for each of the params.

    A string is in the syntax of the command line already; any other value is a fixed one, but for a list where the
    config has a single value: it is searched.

    Args:
        params: Key to text, or value.
        config: The app's, None where it is not known.
        problems: Grows by what cannot be meant.
        notes: Grows by what may be meant otherwise.
    """
    lines = []
    for key, value in params.items():
        searched = list(_searched_inside(key, value))
        if searched:
            instead = "; ".join(f"{name}: {text}" for name, text in searched)
            problems.append(
                f"`{KEY}.{key}` must be a text or a value, each searched key under its full name, got "
                f"{bounded(printable(str(value)), SHOWN)}; write {instead}"
            )
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


def _searched_inside(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the keys in a mapping, in full, whose text is a sweep: there it would be a mere text."""
    for name, item in value.items() if isinstance(value, Mapping) else ():
        full = f"{key}.{name}"
        if isinstance(item, str) and _is_sweep(f"{full}={item}"):
            yield full, item
        else:
            yield from _searched_inside(full, item)


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
