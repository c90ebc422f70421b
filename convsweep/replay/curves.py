"""Recorded learning curves: of a study, or of a table that was made from one."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convsweep.errors import UserError
from convsweep.policy.work import seconds_of
from convsweep.space.parameter import Parameter
from convsweep.space.space import Space
from convsweep.space.units import unit

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

# Seconds before a trial's first step, each time that it goes on: a model is built and traced, see benchmarks/README.md.
START = 1.5


@dataclass(frozen=True)
class Curves:
    """What configurations of a space did, step by step.

    Attributes:
        space: What was searched.
        params: Each configuration's values, in the order in which they were recorded.
        values: For each configuration the objective after each step [steps], once for each time it was trained.
        seconds: How long a step of each configuration took.
        maximize: Whether more is better.
    """

    space: Space
    params: Sequence[Mapping[str, Any]]
    values: Sequence[Sequence[np.ndarray]]
    seconds: Sequence[float]
    maximize: bool

    @cached_property
    def length(self) -> int:
        """Steps of the longest curve."""
        return max(len(curve) for curves in self.values for curve in curves)

    @property
    def cut(self) -> int:
        """How many configurations have no curve of full length: nobody knows how they would have gone on."""
        return sum(max(map(len, curves)) < self.length for curves in self.values)

    @property
    def best(self) -> float:
        """The best value on any curve."""
        return (max if self.maximize else min)(self.peak(curve) for curves in self.values for curve in curves)

    @cached_property
    def twice(self) -> list[list[float]]:
        """What configurations are worth that were trained more than once, each time; those of the better half alone.

        A seed changes bad ones much more, and no search picks one of them. Where there are no others, all count.
        """
        sign = 1 if self.maximize else -1
        several = [list(map(self.peak, runs)) for runs in self.values if len(runs) > 1]
        better = [values for values in several if sign * np.mean(values) >= np.median(sign * self.truth)]
        return better or several

    @cached_property
    def noise(self) -> float | None:
        """The standard deviation of what a configuration is worth between two seeds; None if none has several."""
        return noise_of(self.twice)

    @cached_property
    def truth(self) -> np.ndarray:
        """What each configuration is worth by its recorded curve: the truth, where a seed's noise is added to it."""
        return np.array([self.peak(runs[0]) for runs in self.values])

    def peak(self, curve: np.ndarray) -> float:
        """Return the best value on a curve, which is what a trial that keeps its best weights is worth."""
        return float(curve.max() if self.maximize else curve.min())

    def nearest(self, params: Mapping[str, Any], used: Sequence[int]) -> int:
        """Return the index of the configuration that is most like `params`, of those not `used`.

        The distance is that of `convsweep.space.units`.
        """
        distances = np.square(self._units - self._unit(params)).sum(axis=1)
        distances[list(used)] = np.inf
        return int(distances.argmin())

    @cached_property
    def _units(self) -> np.ndarray:
        return np.stack([self._unit(params) for params in self.params])

    def _unit(self, params: Mapping[str, Any]) -> np.ndarray:
        return unit({name: found.distribution for name, found in self.space.parameters.items()}, params)


def noise_of(values: Sequence[Sequence[float]]) -> float | None:
    """Return the standard deviation within groups of values, those of one configuration each; None without any."""
    squares = [np.var(group, ddof=1) for group in values if len(group) > 1]
    return float(np.sqrt(np.mean(squares))) if squares else None


def of_study(study: "Study") -> Curves:
    """Return the curves of a study's trials.

    Raises:
        UserError: It has several objectives, or its trials reported nothing.
    """
    if len(study.directions) > 1:
        raise UserError(f"the study {study.study_name} has several objectives, whose trials have no curves")
    trials = [t for t in study.get_trials(deepcopy=False) if t.intermediate_values and t.state.name != "FAIL"]
    if not trials:
        raise UserError(f"no trial of the study {study.study_name} has reported a value; there is nothing to replay")
    distributions = {name: found for trial in trials for name, found in trial.distributions.items()}
    rows = [(trial.params, _values(trial)) for trial in trials]
    return _collect(distributions, rows, list(map(seconds_of, trials)), study.direction.name == "MAXIMIZE")


def save(study: "Study", path: Path, command: str) -> None:
    """Write a study's curves as a table: a line of JSON with the space, then a row a trial.

    The columns are the seconds that a trial took, the searched values, and the objective after each step.
    """
    from optuna.distributions import distribution_to_json

    curves = of_study(study)
    distributions = {n: json.loads(distribution_to_json(p.distribution)) for n, p in curves.space.parameters.items()}
    about = {"command": command, "direction": study.direction.name.lower(), "distributions": distributions}
    names = list(distributions)
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write(f"# {json.dumps(about)}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["seconds", *names, *(f"step_{i + 1}" for i in range(curves.length))])
        for trial in study.get_trials(deepcopy=False):
            if trial.intermediate_values and trial.state.name != "FAIL":
                shown = [json.dumps(trial.params[name]) if name in trial.params else "" for name in names]
                values = [f"{value:.6g}" for value in _values(trial)]
                writer.writerow([f"{seconds_of(trial):.2f}", *shown, *values])


def load(path: Path) -> Curves:
    """Read a table that `save` wrote.

    Raises:
        UserError: It is none.
    """
    from optuna.distributions import json_to_distribution

    try:
        with path.open(newline="", encoding="utf-8") as file:
            about = json.loads(file.readline().removeprefix("#"))
            distributions = {n: json_to_distribution(json.dumps(d)) for n, d in about["distributions"].items()}
            rows, seconds = [], []
            for row in csv.DictReader(file):
                params = {name: json.loads(row[name]) for name in distributions if row[name]}
                steps = [text for name, text in row.items() if name.startswith("step_") and text]
                rows.append((params, list(map(float, steps))))
                seconds.append(float(row["seconds"]))
            return _collect(distributions, rows, seconds, about["direction"] == "maximize")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} is no table of learning curves ({error}); simulate, with STUDY --save {path}, writes one"
        ) from error


def _collect(
    distributions: "Mapping[str, BaseDistribution]",
    rows: Sequence[tuple[Mapping[str, Any], Sequence[float]]],
    seconds: Sequence[float],
    maximize: bool,
) -> Curves:
    """Put those rows together that trained the same configuration."""
    space = Space({n: Parameter(n, n, found, getattr(found, "choices", None)) for n, found in distributions.items()})
    configurations: dict[str, list[int]] = {}
    for i, (params, _) in enumerate(rows):
        configurations.setdefault(json.dumps(params, sort_keys=True, default=str), []).append(i)
    groups = list(configurations.values())
    return Curves(
        space,
        [rows[group[0]][0] for group in groups],
        [[np.array(rows[i][1]) for i in group] for group in groups],
        [max(seconds[group[0]] - START, 0.0) / len(rows[group[0]][1]) for group in groups],
        maximize,
    )


def _values(trial: "FrozenTrial") -> list[float]:
    return [trial.intermediate_values[step] for step in sorted(trial.intermediate_values)]
