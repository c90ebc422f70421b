"""Keys that exist only when others have certain values: `hydra.sweeper.conditions`."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from convsweep.errors import UserError, explain, listed
from convsweep.space.grammar import parse_values
from convsweep.space.parameter import Condition, Parameter
from convsweep.space.space import Space
from convsweep.space.values import as_override_value, equal

KEY = "hydra.sweeper.conditions"


def restrict(
    space: Space,
    conditions: Mapping[str, Any],
    compose: Callable[[list[str]], DictConfig],
    others: Mapping[str, Parameter] | None = None,
    options: Callable[[str], Sequence[str]] = lambda _: (),
) -> Space:
    """Return the space with each key's conditions, without the keys that no trial can have.

    A condition may ask for a value that a command has narrowed the search away from, but for none that is unknown.

    Args:
        space: What is searched.
        conditions: Searched key to `key=value[,value...]`, or to a list of them, which must all hold.
        compose: Makes a config from overrides; a condition on a key that is not searched is settled by it, once.
        others: Parameters that another command searches, as `params` has them.
        options: Returns the options of a config group, none of what is no group.

    Raises:
        UserError: A condition cannot be parsed, names an unknown key or value, or asks for what asks for it.
    """
    problems: list[str] = []
    found: dict[str, list[Condition]] = {}
    for name, text in _lines(conditions):
        key = f"`{KEY}.{name}`"
        if name in space.fixed_names:
            continue  # the key has been given a value for all trials since
        if name not in space.parameters:
            problems.append(f"{key}: `{name}` is not searched; searched are {listed(name, space.parameters)}")
            continue
        try:
            found.setdefault(name, []).append(Condition(*parse_values(str(text)), str(text)))
        except UserError as error:
            problems += [f"{key} must be key=value[,value...], {problem}" for problem in error.problems]
    for name, asked in found.items():
        for condition in asked:
            known = [keys[condition.name] for keys in (space.parameters, others or {}) if condition.name in keys]
            if problem := _unknown_value(condition, known, options(condition.name.partition("@")[0])):
                problems.append(f"`{KEY}.{name}`: `{condition.text}`: {problem}")
    fixed = _Fixed(space, set(found), compose)
    ordered: dict[str, Parameter] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        """Keep a key, after those that its conditions name, unless no trial can have it."""
        if name in path:
            circle = " if ".join((*path[path.index(name) :], name))
            problems.append(f"`{KEY}.{name}` must not depend on itself: {circle}; take one of them out")
            return
        if name in seen:
            return
        possible, kept = True, []
        for condition in found.get(name, ()):
            if condition.name in space.parameters:
                visit(condition.name, (*path, name))
                other = ordered.get(condition.name)
                possible = possible and other is not None and any(map(other.contains, condition.values))
                kept.append(condition)
            else:
                try:
                    value = fixed[condition.name]
                    possible = possible and any(equal(value, wanted) for wanted in condition.values)
                except UserError as error:
                    problems.extend(f"`{KEY}.{name}`: `{condition.text}`: {problem}" for problem in error.problems)
        seen.add(name)
        if possible:
            ordered[name] = dataclasses.replace(space.parameters[name], conditions=tuple(kept))

    seen: set[str] = set()
    for name in space.parameters:
        visit(name, ())
    if problems:
        raise UserError(problems)
    return dataclasses.replace(space, parameters=ordered)


def _unknown_value(condition: Condition, known: Sequence[Parameter], options: Sequence[str]) -> str | None:
    """Say which value a condition asks for in vain, if any; of numbers, a range may reach beyond what is searched."""
    if not known and not options:
        return None
    unknown = [
        value
        for value in condition.values
        if value not in options and not any(parameter.contains(value) for parameter in known)
    ]
    wrong = next((value for value in unknown if isinstance(value, str) or len(unknown) == len(condition.values)), None)
    if wrong is None:
        return None
    there = [as_override_value(value) for parameter in known for value in parameter.values or ()]
    there += [parameter.domain for parameter in known if parameter.values is None]
    got = as_override_value(wrong)
    return f"`{condition.name}` is never {got}; there are {listed(got, [*there, *options])}"


class _Fixed:
    """What the keys are that are not searched; composed when first asked."""

    def __init__(self, space: Space, conditional: set[str], compose: Callable[[list[str]], DictConfig]) -> None:
        # A group that must be chosen and is searched needs some option here; a conditional key may not exist.
        first = {n: p.values[0] for n, p in space.parameters.items() if p.values and n not in conditional}
        self._overrides = space.overrides(first)
        self._searched = space.parameters
        self._compose = compose
        self._config: DictConfig | None = None

    def __getitem__(self, name: str) -> Any:
        try:
            self._config = self._config or self._compose(self._overrides)
        except HydraException as error:
            raise UserError(explain(error)) from error
        choices = self._config.hydra.runtime.choices
        if name in choices:
            return choices[name]
        value = OmegaConf.select(self._config, name, default=self)
        if value is self:
            known = [key for key in (*self._searched, *choices, *map(str, self._config)) if not key.startswith("hydra")]
            raise UserError(f"`{name}` is neither searched nor in the config; there are {listed(name, known)}")
        return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def _lines(conditions: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each key with each of its conditions; `conditions.a.b=...` on the command line makes a mapping in one."""
    for name, value in conditions.items():
        if isinstance(value, Mapping):
            yield from _lines(value, f"{prefix}{name}.")
        else:
            for text in value if isinstance(value, (list, tuple)) else [value]:
                yield f"{prefix}{name}".lstrip("+"), text
