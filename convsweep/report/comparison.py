"""Two or more configurations side by side: what differs between them, their values with intervals, and whether one is
better by more than noise.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from convsweep.errors import UserError
from convsweep.insight.levels import is_again
from convsweep.intervals import ANYWHERE, LEVEL, Difference, Mean, difference_of, mean_of
from convsweep.policy.repeats import REPEATS, repeated_number
from convsweep.policy.work import seconds_of
from convsweep.report.view import StudyView
from convsweep.space.values import equal
from convsweep.study.identity import IDENTITY
from convsweep.study.metric_names import metric_names
from convsweep.study.ranking import ranked
from convsweep.study.spread import spread_of

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial


class Reached(NamedTuple):
    """The value that a trial reported last, at which step, and what has become of it since, in a word."""

    value: float
    step: int
    state: str


@dataclass(frozen=True)
class Side:
    """A configuration that was trained, once or more often.

    Attributes:
        name: What it was called by who compares.
        config: Its settings and values, by their full keys.
        values: By metric the value of each of its trainings, under the seed's number; the same number, the same seed.
        maximize: Whether more of a metric is better, as far as known.
        seconds: How long its trainings took on average, None where that is not known.
        trial: The number of its trial, None for a run of its own.
        spread: By metric the standard deviation of the parts that the value of its only training is the mean of, as
            far as it has such: k-fold's folds.
        reached: By metric what it had come to, where it has not been trained to its end.
        bounds: By metric between which numbers it lies, as far as known.
    """

    name: str
    config: Mapping[str, Any]
    values: Mapping[str, Mapping[Any, float]]
    maximize: Mapping[str, bool] = field(default_factory=dict)
    seconds: float | None = None
    trial: int | None = None
    spread: Mapping[str, float] = field(default_factory=dict)
    reached: Mapping[str, Reached] = field(default_factory=dict)
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def mean(self, metric: str) -> Mean | None:
        values = self.values.get(metric)
        return mean_of(list(values.values())).within(self.bounds.get(metric, ANYWHERE)) if values else None


STATES = {"WAITING": "paused", "PRUNED": "pruned", "RUNNING": "running", "FAIL": "failed"}


@dataclass(frozen=True)
class Verdict:
    """How much one side is above another in a metric.

    Attributes:
        metric: The metric.
        one, other: The sides' names.
        difference: How much larger the first is.
        real: Whether that is more than noise, with so many comparisons made.
        better: The name of the better one where it is and where that is known.
        told: Whether anything can be said: both were trained more than once, and judged by the same data.
        apart: What differs in the data that judged them, their values by key.
    """

    metric: str
    one: str
    other: str
    difference: Difference
    real: bool
    better: str | None
    told: bool
    apart: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


def side_of(view: StudyView, name: str, number: int | None = None, again: StudyView | None = None) -> Side:
    """Return a trial's configuration with all of its trainings, the best trial's by default.

    Its config is that in its folder; without one, what the study is known to have the same in all trials.

    Args:
        view: The study.
        name: What it is called by who compares.
        number: The trial's.
        again: A study that trained the best configurations of this one again, if there is one.

    Raises:
        UserError: There is no such trial, or none that was trained to its end.
    """
    study = view.study
    trial = _trial(study, number)
    metrics = metric_names(study)
    runs = _runs(study, trial, again.study if again is not None else None)
    values = {
        metric: {seed: run.values[i] for seed, run in runs.items()} if trial.state.name == "COMPLETE" else {}
        for i, metric in enumerate(metrics)
    }
    maximize = {m: way.name == "MAXIMIZE" for m, way in zip(metrics, study.directions, strict=True)}
    seconds = sum(map(seconds_of, runs.values())) / len(runs)
    params = {key: value for key, value in trial.params.items() if not (is_again(key) and len(runs) > 1)}
    spread = dict(zip(metrics, spread_of(trial), strict=False)) if len(runs) == 1 else {}
    config, reached = _config(view, trial.number) | params, _reached(trial, metrics)
    return Side(name, config, values, maximize, seconds, trial.number, spread, reached)


def _reached(trial: "FrozenTrial", metrics: Sequence[str]) -> dict[str, Reached]:
    """Return what a trial had come to that is not at its end; of several objectives nobody knows what stands for it."""
    steps = trial.intermediate_values
    if trial.state.name not in STATES or len(metrics) > 1 or not steps:
        return {}
    return {metrics[0]: Reached(steps[max(steps)], max(steps), STATES[trial.state.name])}


def _config(view: StudyView, number: int) -> dict[str, Any]:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        config = view.configuration(number)
        return flat(OmegaConf.to_container(config, resolve=True))
    except (UserError, OmegaConfBaseException):
        return dict(view.study.user_attrs.get(IDENTITY, {}).get("settings", {}))


def flat(values: Any, prefix: str = "") -> dict[str, Any]:
    """Return nested settings by their full keys."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        full = f"{prefix}{key}"
        found |= flat(value, f"{full}.") if isinstance(value, Mapping) and value else {full: value}
    return found


def _trial(study: "Study", number: int | None) -> "FrozenTrial":
    trials = study.get_trials(deepcopy=False)
    if number is None:
        best = ranked(study)
        if not best:
            raise UserError(f"no trial of {study.study_name} has been trained to its end: it has nothing to compare")
        return best[0]
    if not 0 <= number < len(trials):
        raise UserError(f"{study.study_name} has no trial {number}; it has {len(trials)}")
    return trials[number]


def _runs(study: "Study", trial: "FrozenTrial", again: "Study | None") -> "dict[Any, FrozenTrial]":
    """Return the trainings of a trial's configuration, by what stands for their seed.

    Repeats with fresh seeds, where there are two or more: the trial's own value was chosen for being good.
    """
    complete = [other for other in study.get_trials(deepcopy=False) if other.state.name == "COMPLETE"]
    number, _ = trial.system_attrs.get(REPEATS) or [trial.number, None]
    for those in (again.get_trials(deepcopy=False) if again is not None else [], complete):
        repeats = {
            other.system_attrs[REPEATS][1]: other
            for other in those
            if other.state.name == "COMPLETE" and repeated_number(other) == number
        }
        if len(repeats) > 1:
            return repeats
    given = _without_again(trial.params)
    alike = [other for other in complete if equal(_without_again(other.params), given)]
    by_seed = {tuple(v for k, v in sorted(other.params.items()) if is_again(k)): other for other in alike}
    return by_seed if trial.state.name == "COMPLETE" and len(by_seed) > 1 else {(): trial}


def _without_again(params: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in params.items() if not is_again(key)}


def differing(sides: Sequence[Side]) -> dict[str, list[Any]]:
    """Return the keys that are not the same on all sides, with their values; `ABSENT` where there is none."""
    keys = dict.fromkeys(key for side in sides for key in side.config)
    groups = [{key.rpartition(".")[0] for key in side.config} for side in sides]
    found = {}
    for key in keys:
        values = [side.config.get(key, ABSENT) for side in sides]
        # The name of a group's option is not known where the option's own keys are all that there is.
        unknown = any(value is ABSENT and key in known for value, known in zip(values, groups, strict=True))
        if not unknown and any(_differ(value, values[0]) for value in values[1:]):
            found[key] = values
    return found


def _differ(value: Any, other: Any) -> bool:
    return value is not other and (ABSENT in (value, other) or not equal(value, other))


class _Absent:
    def __repr__(self) -> str:
        return "-"

    __str__ = __repr__


ABSENT = _Absent()


def verdicts(
    sides: Sequence[Side], apart: Callable[[str, Side, Side], Mapping[str, tuple[Any, Any]]] = lambda *_: {}
) -> list[Verdict]:
    """Compare the first side with each other one, in every metric that both have.

    With several comparisons a difference must be the rarer to be more than noise (Holm's procedure, by metric).

    Args:
        sides: What is compared.
        apart: Returns what differs in the data by which two sides were judged, in a metric: no number of trainings
            makes them comparable then.
    """
    found: list[Verdict] = []
    for metric in dict.fromkeys(metric for side in sides for metric in side.values):
        there = [side for side in sides if side.values.get(metric)]
        pairs = [(there[0], other) for other in there[1:]]
        bounds = there[0].bounds.get(metric, ANYWHERE) if there else ANYWHERE
        differences = [
            difference_of(dict(one.values[metric]), dict(other.values[metric])).within(bounds) for one, other in pairs
        ]
        real = _holm([difference.p_value for difference in differences])
        for (one, other), difference, more in zip(pairs, differences, real, strict=True):
            differs = apart(metric, one, other)
            told = not differs and min(len(one.values[metric]), len(other.values[metric])) > 1
            maximize = one.maximize.get(metric, other.maximize.get(metric))
            better = None
            if told and more and maximize is not None:
                better = one.name if (difference.value > 0) == maximize else other.name
            found.append(Verdict(metric, one.name, other.name, difference, told and more, better, told, differs))
    return found


def _holm(p_values: Sequence[float]) -> list[bool]:
    real = [False] * len(p_values)
    for place, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        if p_values[i] >= (1 - LEVEL) / (len(p_values) - place):
            break
        real[i] = True
    return real
