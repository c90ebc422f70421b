"""What trials took that ended before, as far as others can be priced by them."""

import math
import random
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from convsweep.driver.sweep import Sweep
from convsweep.errors import UserError
from convsweep.policy.work import last_step, seconds_of
from convsweep.space.parameter import Parameter, ends
from convsweep.space.space import Space
from convsweep.space.values import as_override_value, equal, is_number
from convsweep.storage.address import is_local
from convsweep.study.finding import find_studies
from convsweep.study.identity import IDENTITY, fixed_settings

if TYPE_CHECKING:
    from optuna import Study

MOST_STUDIES = 20  # that are looked through, the latest first
MOST_KINDS = 300  # of known trials are compared with each trial to come
SAMPLE = 100  # of the trials to come, where there are more
UNTIMED = ("seed", "hydra")  # what no trial takes longer for


@dataclass(frozen=True)
class Work:
    """What a trial's time follows from.

    Attributes:
        amount: What it has to do, in any unit, None where nobody knows: of two trials with the same `keys`, one takes
            as many times as long as it has more to do.
        keys: The settings that its time goes by besides.
        others: Those that it may go by as well, for all that is known; a difference is told.
        steps: How many steps it has, or had, 0 where nobody says.
    """

    amount: float | None
    keys: Mapping[str, Any]
    others: Mapping[str, Any]
    steps: int


@dataclass(frozen=True)
class Known:
    """A trial of some study that ran to its end."""

    study: str
    seconds: float
    work: Work


@dataclass(frozen=True)
class Price:
    """What a trial to come is expected to take, and from which ones that is known.

    Attributes:
        low: Seconds, if what those had besides their work was most of it: a trial with more to do takes no less.
        high: Seconds, if it was nothing: a trial with ten times as much to do takes at most ten times as long.
        most: As `high`, by the slowest of those.
        like: Those.
        part: Which part of its work they had, 1 where nobody knows.
        exact: Whether they are of the same settings, but for their work.
    """

    low: float
    high: float
    most: float
    like: Sequence[Known]
    part: float
    exact: bool


@dataclass
class Costs:
    """Prices the trials of a sweep by those that ended before, of its study and of those beside it."""

    sweep: Sweep
    known: list[Known] = field(default_factory=list)
    _options: dict[tuple[str, str, bool], dict[str, Any]] = field(default_factory=dict)

    def learn(self, study: "Study") -> None:
        """Look for trials that ended: of this study and of those beside it."""
        self.known += self._of(study)
        storage = self.sweep.config.hydra.sweeper.storage
        try:
            found = find_studies(self.sweep.directory.parent, storage if not is_local(storage) else None)
            beside = list(islice(found, MOST_STUDIES))
        except UserError:
            return
        for other, _ in beside:
            if other.study_name != study.study_name:
                self.known += self._of(other)

    @cached_property
    def _by_work(self) -> list[list[Known]]:
        """The known trials by their work, which thousands may share, as far as there are not too many kinds of it."""
        kinds: dict[str, list[Known]] = {}
        for one in self.known:
            kinds.setdefault(repr(one.work), []).append(one)
        found = list(kinds.values())
        return found[:: -(-len(found) // MOST_KINDS)] if found else []

    def work_of(self, params: Mapping[str, Any]) -> Work:
        """Return what the time of a trial to come follows from."""
        return self._work(self.sweep.settings, params, int(self.sweep.steps(params) or 0))

    def price(self, work: Work) -> Price | None:
        """Return what a trial is expected to take, None where none that could say so has ended."""
        alike = [those for those in self._by_work if not self._apart(those[0].work, work)]
        if not alike or self._beyond([those[0] for those in alike], work):
            return None
        far = [_distance(those[0].work, work) for those in alike]
        nearest = min(far)
        like = [one for those, distance in zip(alike, far, strict=True) if distance == nearest for one in those]
        scales = [_scale(one.work, work) for one in like]
        both = [(one.seconds, one.seconds * scale) for one, scale in zip(like, scales, strict=True)]
        return Price(
            statistics.median(map(min, both)),
            statistics.median(map(max, both)),
            max(map(max, both)),
            like,
            1 / statistics.median(scales),
            nearest[:2] == (0, 0),
        )

    def missing(self, work: Work, params: Mapping[str, Any]) -> list[str]:
        """Return with which settings no trial has ended, for a trial to come that has no price."""
        kinds = [those[0] for those in self._by_work]
        apart = min((self._apart(one.work, work) for one in kinds), key=len)
        apart = apart or self._beyond([one for one in kinds if not self._apart(one.work, work)], work)
        groups = {f"{_package(name)}.": name for name in params}
        apart = [key for key in apart if any(key in one.work.keys for one in kinds)] or apart
        names = [next((name for start, name in groups.items() if key.startswith(start)), key) for key in apart]
        return [f"{name}={as_override_value(params.get(name, work.keys.get(name)))}" for name in dict.fromkeys(names)]

    def _of(self, study: "Study") -> Iterator[Known]:
        settings = study.user_attrs.get(IDENTITY, {}).get("settings", {})
        shared = settings.keys() & self.sweep.settings.keys()
        if 2 * len(shared) < len(self.sweep.settings):
            return  # another app's
        for trial in study.get_trials(deepcopy=False):
            if trial.state.name == "COMPLETE" and seconds_of(trial) > 0:
                work = self._work(settings, trial.params, last_step(trial))
                yield Known(study.study_name, seconds_of(trial), work)

    def _work(self, settings: Mapping[str, Any], params: Mapping[str, Any], steps: int) -> Work:
        # What another study had fixed of an option that it searched, it has not kept.
        values = self._values(settings, params, self.sweep.space.fixed if settings is self.sweep.settings else [])
        for callback in self.sweep.callbacks:
            if (said := callback.cost(values)) is not None:
                return Work(said[0], said[1], {}, steps)
        # An app that says nothing: what is an option or a whole number may cost, a learning rate hardly does.
        values = {key: value for key, value in values.items() if not key.startswith(UNTIMED)}
        searched = tuple(map(_package, self.sweep.space.parameters))
        counted = self.sweep.steps.named
        keys = {k: v for k, v in values.items() if _is_in(k, searched) and k not in counted and type(v) is not float}
        others = {k: v for k, v in values.items() if not _is_in(k, searched) and k not in counted}
        return Work(steps or None, keys, others, steps)

    def _values(self, settings: Mapping[str, Any], params: Mapping[str, Any], fixed: Sequence[str]) -> dict[str, Any]:
        """Return a trial's config, flat, with the keys of the options that it chose."""
        values = dict(settings)
        for name, value in params.items():
            options = self._option(name, value, fixed) if isinstance(value, str) else {}
            values |= options or {name: value}
        return values | {name: value for name, value in params.items() if name in values}

    def _option(self, group: str, name: str, fixed: Sequence[str]) -> dict[str, Any]:
        """Return the keys of a group's option; none where there is no such group or option."""
        if group not in self.sweep.config.hydra.runtime.choices:
            return {}
        key = (group, name, bool(fixed))
        if key not in self._options:
            package, flat = _package(group), {}
            with suppress(HydraException, OmegaConfBaseException):
                flat = fixed_settings(self.sweep.compose([*fixed, f"{group}={as_override_value(name)}"]), Space())
            self._options[key] = {k: v for k, v in flat.items() if k.startswith(f"{package}.")}
        return self._options[key]

    def _apart(self, known: Work, asked: Work) -> list[str]:
        """Return the keys that time goes by in which two trials differ, but for numbers, which may be near enough."""
        found = []
        for key, value in asked.keys.items():
            if key not in known.keys:  # in a study that was begun before there was such a key, or which added none
                apart = not is_number(value) and key not in self.sweep.defaults
            else:
                had = known.keys[key]
                apart = not equal(had, value) and not (is_number(had) and is_number(value))
            if apart:
                found.append(key)
        return found

    @staticmethod
    def _beyond(alike: Sequence[Known], asked: Work) -> list[str]:
        """Return the keys whose number lies beyond those of all the trials that are like it in all else."""
        found = []
        for key, value in asked.keys.items():
            seen = [one.work.keys[key] for one in alike if is_number(one.work.keys.get(key))]
            if is_number(value) and seen and not min(seen) <= value <= max(seen):
                found.append(key)
        return found


def _distance(known: Work, asked: Work) -> tuple[int, float, float]:
    """Return in how many other settings two trials differ, and how far their numbers and their work are apart."""
    numbers: list[tuple[Any, Any]] = [(known.keys.get(key), value) for key, value in asked.keys.items()]
    far = sum(abs(math.asinh(a) - math.asinh(b)) for a, b in numbers if is_number(a) and is_number(b))
    return len(differing(known, asked)), round(far, 9), round(abs(math.log(_scale(known, asked))), 9)


def _scale(known: Work, asked: Work) -> float:
    """Return how many times as much a trial has to do as one that ended; 1 where nobody knows."""
    return asked.amount / known.amount if asked.amount and known.amount else 1.0


def differing(known: Work, asked: Work) -> list[str]:
    """Return the other settings in which a trial differs from what is asked for, with its values."""
    return [
        f"{key}={as_override_value(known.others[key])}"
        for key, value in asked.others.items()
        if key in known.others and not equal(known.others[key], value)
    ]


def to_come(study: "Study", sweep: Sweep) -> list[dict[str, Any]]:
    """Return the searched values of the trials to come, some of them where there are many or they are to be drawn."""
    size, space = sweep.space.size, sweep.space
    if size is not None and size <= SAMPLE:
        done = [trial.params for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]
        combinations = list(islice(space.combinations(0), SAMPLE))
        return [one for one in combinations if one not in done] or combinations
    rng = random.Random(0)
    found = []
    for _ in range(SAMPLE):
        params: dict[str, Any] = {}
        for name, parameter in space.parameters.items():
            if parameter.active(params):
                params[name] = _drawn(parameter, rng)
        found.append(params)
    return found


def _drawn(parameter: Parameter, rng: random.Random) -> Any:
    if parameter.values is not None:
        return rng.choice(parameter.values)
    low, high = ends(parameter)
    if getattr(parameter.distribution, "log", False):
        value = math.exp(rng.uniform(math.log(low), math.log(high)))
        return round(value) if isinstance(low, int) else value
    return rng.randint(low, high) if isinstance(low, int) else rng.uniform(low, high)


def _package(group: str) -> str:
    return group.replace("/", ".").split("@")[-1]


def _is_in(key: str, packages: Sequence[str]) -> bool:
    return any(key == package or key.startswith(f"{package}.") for package in packages)
