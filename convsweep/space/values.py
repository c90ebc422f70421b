"""A value's way back to an override, and when two values are the same to Hydra."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hydra._internal.grammar.utils import escape_special_characters
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

if TYPE_CHECKING:
    pass


def as_override_value(value: Any) -> str:
    """Write a typed value so that Hydra's parser reads the same value and type back."""
    if isinstance(value, str):
        escaped = escape_special_characters(value)
        try:
            if value and OverridesParser.create().parse_override(f"x={escaped}").value() == value:
                return escaped
        except HydraException:
            pass
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(as_override_value(item) for item in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{as_override_value(item)}" for key, item in value.items()) + "}"
    return "null" if value is None else str(value)


def equal(value: Any, other: Any) -> bool:
    """Whether two values are the same to Hydra."""
    # 1 is the 1.0 of a range, but not true.
    return value == other and isinstance(value, bool) == isinstance(other, bool)


def is_number(value: Any) -> bool:
    """Whether a value is a number; true and false are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
