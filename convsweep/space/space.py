"""What a study searches: its parameters, and the combinations they make."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass
from convsweep.space.parameter import Parameter, ends
from convsweep.space.values import as_override_value, equal


@dataclass(frozen=True)
class Space:
    """What a study searches, and what is the same in all its trials.

    Attributes:
        parameters: The searched keys by name, each after those that its conditions name.
        fixed: The other overrides.
        custom: Dotted path of a function that suggests more to each trial, or None.
        notes: What its author may not have meant so, a line each.
    """

    parameters: dict[str, Parameter] = field(default_factory=dict)
    fixed: list[str] = field(default_factory=list)
    custom: str | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def size(self) -> int | None:
        """How many combinations there are, or None where they cannot be listed: an interval, a custom space."""
        if self.custom or any(parameter.values is None for parameter in self.parameters.values()):
            return None
        asked = self._asked()
        # Only the keys that conditions ask for branch the count; the others multiply it.
        free = {name: len(p.values or ()) for name, p in self.parameters.items() if name not in asked}

        def count(names: list[str], params: dict[str, Any]) -> int:
            if not names:
                return math.prod(n for name, n in free.items() if self.parameters[name].active(params))
            parameter, rest = self.parameters[names[0]], names[1:]
            if not parameter.active(params):
                return count(rest, params)
            return sum(count(rest, {**params, parameter.name: value}) for value in parameter.values or ())

        return count([name for name in self.parameters if name in asked], {})

    @property
    def conditional(self) -> bool:
        """Whether some trials have keys that others have not."""
        return any(parameter.conditions for parameter in self.parameters.values())

    @property
    def fixed_names(self) -> set[str]:
        """The keys of the fixed overrides."""
        return {override.split("=")[0].lstrip("+~") for override in self.fixed}

    def combinations(self, seed: int) -> Iterator[dict[str, Any]]:
        """Yield every combination once; the last key changes fastest, `shuffle(...)` follows the seed."""
        import random

        columns: list[tuple[Parameter, list[Any]]] = []
        for parameter in self.parameters.values():
            values = list(parameter.values or ())
            if parameter.shuffled:
                random.Random(f"{seed} {parameter.name}").shuffle(values)
            columns.append((parameter, values))

        def extend(params: dict[str, Any], depth: int) -> Iterator[dict[str, Any]]:
            if depth == len(columns):
                yield params
                return
            parameter, values = columns[depth]
            if not parameter.active(params):
                yield from extend(params, depth + 1)
                return
            for value in values:
                yield from extend({**params, parameter.name: value}, depth + 1)

        return extend({}, 0)

    def listed(self, known: Mapping[str, Any]) -> "Space | None":
        """Return the part of the space that has these values, with intervals of integers as lists of them.

        None where not all of it can be listed.
        """
        parameters: dict[str, Parameter] = {}
        for name, parameter in self.parameters.items():
            values: Any = (parameter.on_grid(known[name]),) if name in known else parameter.values
            if values is None:
                low, high = ends(parameter)
                if self.custom or not isinstance(low, int):
                    return None
                values = range(low, high + 1)
            parameters[name] = replace(parameter, values=values)
        return replace(self, parameters=parameters)

    def examples(self) -> Iterator[dict[str, Any]]:
        """Yield few combinations, such that every listed value, and both ends of intervals, appear in one."""
        unseen = {name: list(parameter.values or ends(parameter)) for name, parameter in self.parameters.items()}
        last = {name: values[-1] for name, values in unseen.items()}
        while True:
            # The most demanding key first: what its conditions need, the others have to bear with.
            aim = next((name for name in reversed(self.parameters) if unseen[name]), None)
            needed = self._needed_by(aim) if aim else {}
            params: dict[str, Any] = {}
            for name, parameter in self.parameters.items():
                if parameter.active(params):
                    params[name] = needed.get(name, (unseen[name] or [last[name]])[0])
                    unseen[name] = [value for value in unseen[name] if not equal(value, params[name])]
            if aim is not None and aim not in params:
                unseen[aim] = []  # its conditions contradict each other: no trial has it
            yield params
            if not any(unseen.values()):
                return

    def agreeing(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return those of the values that lie in the space, with keys whose conditions hold among them.

        What a custom search space suggests is not known beforehand: there, other keys agree.
        """
        found: dict[str, Any] = {}
        for name, parameter in self.parameters.items():
            if name in params and parameter.active(found) and parameter.contains(params[name]):
                found[name] = params[name]
        others = {name: value for name, value in params.items() if self.custom and name not in self.parameters}
        return {**found, **others}

    def missing(self, params: Mapping[str, Any]) -> list[str]:
        """Return the keys that a trial with these values has and that have no value among them."""
        return [name for name, p in self.parameters.items() if name not in params and p.active(params)]

    def overrides(self, params: Mapping[str, Any]) -> list[str]:
        """Return what a trial with these values is composed from."""
        return self.fixed + [
            self.parameters[name].override(value) if name in self.parameters else f"{name}={as_override_value(value)}"
            for name, value in params.items()
        ]

    def describe(self) -> dict[str, str]:
        """Return each searched key with what it is searched over, in a few words."""
        words = {name: " if ".join(filter(None, [p.domain, p.needs])) for name, p in self.parameters.items()}
        return words | ({"custom_search_space": self.custom} if self.custom else {})

    def _asked(self) -> set[str]:
        return {condition.name for parameter in self.parameters.values() for condition in parameter.conditions}

    def _needed_by(self, name: str) -> dict[str, Any]:
        """Return values of other keys with which this one is active."""
        conditions = list(self.parameters[name].conditions)
        for condition in conditions:  # grows: a condition's key may have conditions of its own
            conditions += self.parameters[condition.name].conditions
        needed: dict[str, Any] = {}
        for condition in conditions:
            for value in self.parameters[condition.name].values or condition.values:
                if all(
                    any(equal(value, wanted) for wanted in other.values)
                    for other in conditions
                    if other.name == condition.name
                ):
                    needed.setdefault(condition.name, value)
        return needed
