"""From Hydra's sweep grammar to a space of Optuna's distributions."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, IntervalSweep, Override, QuotedString, RangeSweep, Sweep
from hydra.errors import HydraException
from omegaconf import DictConfig

from convsweep.errors import UserError
from convsweep.space.parameter import Parameter
from convsweep.space.params import as_overrides
from convsweep.space.space import Space
from convsweep.space.values import alike, as_override_value, equal, has_nan, identical

if TYPE_CHECKING:
    from hydra.core.config_loader import ConfigLoader
    from optuna.distributions import BaseDistribution


def parse(
    arguments: Sequence[str],
    params: Mapping[str, Any],
    config_loader: "ConfigLoader | None" = None,
    config: DictConfig | None = None,
) -> Space:
    """Split the command line's overrides and `hydra.sweeper.params` into searched keys and fixed overrides.

    The command line wins over `params`, and its last mention of a key over those before.

    Args:
        arguments: The overrides of the command line.
        params: `hydra.sweeper.params`.
        config_loader: Hydra's, which knows the options of groups.
        config: The app's, whose own values say what a list in `params` means.

    Raises:
        UserError: Some cannot be parsed or searched; names each of them.
    """
    space, problems = parse_most(arguments, params, config_loader, config)
    if problems:
        raise UserError(problems)
    return space


def parse_most(
    arguments: Sequence[str],
    params: Mapping[str, Any],
    config_loader: "ConfigLoader | None" = None,
    config: DictConfig | None = None,
) -> tuple[Space, list[str]]:
    """Do as `parse`; return the space of what can be parsed and searched, and what is wrong with the rest."""
    problems: list[str] = []
    space = Space()
    given = _read(arguments, config_loader, problems, space.notes)
    params = {key: value for key, value in params.items() if str(key).lstrip("+") not in given}
    defaults = _read(as_overrides(params, config, space.notes), config_loader, problems)
    parsed = {**{name: override for name, override in defaults.items() if name not in given}, **given}
    for name, override in parsed.items():
        if problem := _no_option(override, config_loader):
            problems.append(problem)
            continue
        if not override.is_sweep_override():
            space.fixed.append(override.input_line or "")
            continue
        try:
            space.parameters[name] = _parameter(name, override)
        except UserError as error:
            problems += error.problems
            continue
        space.notes.extend(_notes(override))
    return space, problems


def parse_values(line: str) -> tuple[str, tuple[Any, ...]]:
    """Read `key=value[,value...]`, or any other sweep over listed values; return the key and the values.

    Raises:
        UserError: It cannot be parsed, or lists no values.
    """
    problems: list[str] = []
    parsed = _read([line], None, problems)
    if problems:
        raise UserError(problems)
    ((name, override),) = parsed.items()
    if not override.is_sweep_override():
        return name, (override.value(),)
    values = _parameter(name, override).values
    if values is None:
        raise UserError(f"`{line}` lists no values; type e.g. {name}=1,2")
    return name, values


def _read(
    lines: Sequence[str], config_loader: "ConfigLoader | None", problems: list[str], notes: list[str] | None = None
) -> dict[str, Override]:
    parser = OverridesParser.create(config_loader=config_loader)
    overrides: dict[str, Override] = {}
    for line in lines:
        try:
            (override,) = parser.parse_overrides([line])
        except HydraException as error:
            problems.append(_unparsable(line, error))
            continue
        # A deletion stands beside a new value for the same key: `~a +a.b=1`.
        name = override.get_key_element().lstrip("+")
        before = overrides.pop(name, None)
        if before is not None and before.is_sweep_override() and notes is not None:
            notes.append(f"`{before.input_line}` gives way to `{line}`, which comes later: take one of them out")
        overrides[name] = override
    return overrides


def _unparsable(line: str, error: HydraException) -> str:
    if "choice(" in line and "null" in line:
        return f"`{line}`: Hydra's choice() takes no null; list the values plainly instead: key=null,1,2"
    return f"`{line}` cannot be read as an override: {str(error).splitlines()[0]}"


def _parameter(name: str, override: Override) -> Parameter:
    key, value = override.get_key_element(), override._value
    shown = f"`{override.input_line}`"
    if override.is_delete():
        raise UserError(f"{shown}: a deletion cannot be searched; type one deletion for all trials, {key}")
    if override.is_hydra_override():
        raise UserError(f"{shown}: Hydra's own keys cannot be searched, they hold for the whole study")
    tags = value.tags if isinstance(value, Sweep) else set()
    if tags - {"log"}:
        raise UserError(
            f"{shown}: unknown tag {', '.join(sorted(tags - {'log'}))}; the only one is log: tag(log, interval(a, b))"
        )
    log = "log" in tags
    if isinstance(value, IntervalSweep):
        return Parameter(name, key, _interval(name, value, log, shown), None)
    if isinstance(value, RangeSweep):
        return _range(name, key, value, log, shown)
    if log:
        raise UserError(f"{shown}: listed values have no scale; for a logarithmic one: tag(log, interval(a, b))")
    assert isinstance(value, (ChoiceSweep, Glob))
    return _choice(name, key, override, shown)


def _no_option(override: Override, config_loader: "ConfigLoader | None") -> str | None:
    """Say which value of a config group can be no option's name, if any: for null or a number Hydra has no words."""
    value = override._value
    values = value.list if isinstance(value, ChoiceSweep) else [] if isinstance(value, Sweep) else [value]
    wrong = [item for item in map(_plain, values) if item is None or isinstance(item, (bool, int, float))]
    if not wrong or config_loader is None or override.is_delete():
        return None
    options = config_loader.get_group_options(override.key_or_group)
    if not options:
        return None
    got = as_override_value(wrong[0])
    quoted = f"{override.get_key_element()}={as_override_value(str(wrong[0]))}"
    instead = f'type e.g. "{quoted}"' if got in options else f"there are {', '.join(options)}"
    without = "; for a trial with none of them add an empty file to the group, none.yaml" if wrong[0] is None else ""
    return f"`{override.input_line}`: a config group takes the name of an option, got {got}; {instead}{without}"


def _notes(override: Override) -> list[str]:
    """Return what is not as it may have been meant: the same value again, a text that looks like another value."""
    value, shown = override._value, f"`{override.input_line}`"
    if not isinstance(value, ChoiceSweep):
        return []
    notes = []
    items = [_plain(item) for item in value.list]
    most = max(sum(type(item) is type(other) and item == other for other in items) for item in items)
    if most > 1:
        notes.append(
            f"{shown}: equal values are one; to run each configuration {most} times, add '+repeat=range({most})'"
        )
    texts = [item for item in items if isinstance(item, str) and "str(" not in shown]  # a cast is meant so
    if other := {text: kind for text in texts if (kind := _unquoted(text))}:
        text, kind = next(iter(other.items()))
        notes.append(
            f"{shown}: in quotes {', '.join(other)} {'are texts' if len(other) > 1 else 'is a text'}; for a {kind} "
            f"type {text} without them"
        )
    return notes


def _unquoted(text: str) -> str | None:
    """Return what a text would be without quotes if that is no text, else None; the official sweeper took it so."""
    try:
        value = OverridesParser.create().parse_override(f"x={text}").value()
    except HydraException:
        return None
    kinds = {bool: "truth value", int: "number", float: "number", list: "list", dict: "dict", type(None): "null"}
    return kinds.get(type(value))


def _choice(name: str, key: str, override: Override, shown: str) -> Parameter:
    import warnings

    from optuna.distributions import CategoricalDistribution

    value = override._value
    if isinstance(value, Glob):
        values = list(override.sweep_iterator())
        if not values:
            group = override.config_loader and override.config_loader.get_group_options(override.key_or_group)
            raise UserError(f"{shown} matches none of the options of {override.key_or_group}: {', '.join(group or [])}")
    else:
        assert isinstance(value, ChoiceSweep)
        values = [_plain(item) for item in value.list]
    unique: list[Any] = []
    for item in values:
        if has_nan(item):
            raise UserError(
                f"{shown}: a nan inside of a list or a mapping is one that Optuna does not find again; take it out, "
                "or search a group with an option file for each choice"
            )
        if any(alike(item, other) and not (equal(item, other) and identical(item, other)) for other in unique):
            raise UserError(
                f"{shown}: {item!r} equals another choice of another type or sign; Optuna cannot tell them apart, "
                "take one of them out"
            )
        if not any(equal(item, other) for other in unique):
            unique.append(item)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Choices for a categorical distribution")  # see quieten_optuna
        distribution = CategoricalDistribution(tuple(unique))
    return Parameter(name, key, distribution, tuple(unique), getattr(value, "shuffle", False))


def _range(name: str, key: str, value: RangeSweep, log: bool, shown: str) -> Parameter:
    from optuna.distributions import FloatDistribution, IntDistribution

    if not all(math.isfinite(float(str(number))) for number in (value.start, value.stop, value.step)):
        raise UserError(f"{shown}: both ends and the step of a range must be finite numbers")
    start, stop, step = (Decimal(str(number)) for number in (value.start, value.stop, value.step))
    if step == 0:
        raise UserError(f"{shown}: the step of a range must not be 0")
    count = max(0, math.ceil((stop - start) / step))
    if count == 0:
        raise UserError(
            f"{shown}: the range is empty, it runs from {value.start} towards {value.stop} in steps of {value.step}; "
            "its end is not part of it"
        )
    integer = all(isinstance(number, int) for number in (value.start, value.stop, value.step))
    if log and not (integer and abs(step) == 1 and start > 0):
        raise UserError(f"{shown}: a range with steps has no logarithmic scale; type tag(log, interval(a, b)) instead")
    cast = int if integer else float
    values = [cast(start + k * step) for k in range(count)]
    low, high = min(values), max(values)
    if integer:
        distribution = IntDistribution(int(low), int(high), log=log, step=1 if log else int(abs(step)))
    else:
        distribution = FloatDistribution(float(low), float(high), step=float(abs(step)))
    return Parameter(name, key, distribution, tuple(values), value.shuffle)


def _interval(name: str, value: IntervalSweep, log: bool, shown: str) -> "BaseDistribution":
    from optuna.distributions import FloatDistribution, IntDistribution

    low, high = value.start, value.end
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        raise UserError(f"{shown}: both ends of an interval must be finite numbers")
    if low > high:
        raise UserError(f"{shown}: low <= high must hold, got low={low}, high={high}; type interval({high}, {low})")
    if low == high:
        raise UserError(f"{shown}: the interval is empty, both ends are {low}; fix the value instead: {name}={low}")
    if log and low <= 0:
        raise UserError(f"{shown}: a logarithmic interval must start above 0, got {low}; type e.g. {high / 1000:g}")
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=log)
    return FloatDistribution(float(low), float(high), log=log)


def _plain(value: Any) -> Any:
    return Override._convert_value(value) if isinstance(value, (QuotedString, list, dict)) else value
