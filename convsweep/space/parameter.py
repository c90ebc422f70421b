"""One searched key: what it is drawn from, and when a trial has it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
from convsweep.space.values import as_override_value, equal, is_number


@dataclass(frozen=True)
class Condition:
    """What another searched key must be: any of `values`; `text` is what the user typed."""

    name: str
    values: tuple[Any, ...]
    text: str

    def holds(self, params: Mapping[str, Any]) -> bool:
        return self.name in params and any(equal(params[self.name], value) for value in self.values)


@dataclass(frozen=True)
class Parameter:
    """One searched key.

    Attributes:
        name: The key as Optuna and MLflow show it, without `+` or `++`.
        key: The key as an override needs it.
        distribution: What Optuna draws from.
        values: Every value in the order of the command line, or None for an interval.
        conditions: A trial has this key when all of them hold.
    """

    name: str
    key: str
    distribution: "BaseDistribution"
    values: tuple[Any, ...] | None
    shuffled: bool = False
    conditions: tuple[Condition, ...] = ()

    def active(self, params: Mapping[str, Any]) -> bool:
        """Whether a trial with these values has this key; its conditions' keys must be among them already."""
        return all(condition.holds(params) for condition in self.conditions)

    def contains(self, value: Any) -> bool:
        """Whether a value of the right type is one that can be drawn."""
        if self.values is not None:
            return any(equal(value, listed) for listed in self.values)
        low, high = ends(self)
        return is_number(value) and low <= value <= high and (isinstance(low, float) or isinstance(value, int))

    def override(self, value: Any) -> str:
        return f"{self.key}={as_override_value(value)}"

    def on_grid(self, value: Any) -> Any:
        """Return the value of this key that a drawn or typed one stands for; 0.1 + 0.2 is a grid's 0.3, 1 its 1.0."""
        if not is_number(value) or not math.isfinite(value):
            return next((listed for listed in self.values or () if equal(listed, value)), value)
        if self.values is None:
            return type(ends(self)[0])(value)
        numbers = [listed for listed in self.values if is_number(listed) and math.isfinite(listed)]
        return min(numbers, key=lambda listed: abs(listed - value), default=value)

    @property
    def needs(self) -> str:
        """What its conditions are, as the user typed them."""
        return " and ".join(condition.text for condition in self.conditions)

    @property
    def domain(self) -> str:
        """What it is searched over, in a few words."""
        if self.values is None:
            low, high = ends(self)
            scale = "log " if getattr(self.distribution, "log", False) else ""
            return f"{scale}{low:g}..{high:g}"
        shown = [as_override_value(value) for value in islice(self.values, 6)]
        more = len(self.values) - len(shown)
        return "{" + ", ".join(shown) + (f", {more} more" if more else "") + "}"


def ends(parameter: Parameter) -> tuple[Any, ...]:
    """Return the lowest and the highest value of a numeric parameter."""
    return getattr(parameter.distribution, "low"), getattr(parameter.distribution, "high")  # noqa: B009
