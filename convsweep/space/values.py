"""A value's way back to an override, and when two values are the same to Hydra."""

import math
from collections.abc import Hashable, Mapping
from typing import Any

from hydra._internal.grammar.utils import escape_special_characters
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

NAN = ("nan",)


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
    """Whether two values are the same to Hydra: 1 is the 1.0 of a range, but not true; nan is nan."""
    if type(value) is type(other) and isinstance(value, (str, int)):
        return value == other
    return hashable(value) == hashable(other)


def hashable(value: Any) -> Hashable:
    """Return what stands for a value, or for a trial's values, in a set; see `equal`."""
    if isinstance(value, Mapping):
        return frozenset((name, hashable(item)) for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return tuple(map(hashable, value))
    if isinstance(value, bool):
        return bool, value
    return value if value == value else NAN  # only nan differs from itself


def alike(value: Any, other: Any) -> bool:
    """Whether Optuna takes two choices for the same one: it goes by Python's `==`, but for nan."""
    return value == other or equal(value, other)


def identical(value: Any, other: Any) -> bool:
    """Whether two equal values are of the same types as well, down to the sign of a zero."""
    if isinstance(value, Mapping):
        return all(identical(value[name], other[name]) for name in value)
    if isinstance(value, (list, tuple)):
        return all(map(identical, value, other))
    return type(value) is type(other) and (not isinstance(value, float) or str(value) == str(other))


def has_nan(value: Any) -> bool:
    """Whether a list or a mapping holds a nan somewhere."""
    if isinstance(value, (Mapping, list, tuple)):
        items = value.values() if isinstance(value, Mapping) else value
        return any(item != item if isinstance(item, float) else has_nan(item) for item in items)
    return False


def is_number(value: Any) -> bool:
    """Whether a value is a number; true, false and nan are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value)
