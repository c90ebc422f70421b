"""A study as its figures show it: names that are no markup and fit an axis, and no more trials than can be seen."""

import copy
import html
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from optuna import Study, create_study
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial

from convsweep.errors import printable
from convsweep.space.values import as_override_value, equal, is_number
from convsweep.study.metric_names import metric_names
from convsweep.study.optuna_logging import quieten_optuna
from convsweep.study.ranking import ranked

LONGEST, VALUE = 40, 24  # characters of a name, and of a listed value
LEADERS = 0.5  # of the trials that are shown, where not all are


class ShownStudy(Study):
    """A copy in memory of some trials of a study, for Optuna's own figures."""

    def __init__(self, study: Study, trials: Sequence[FrozenTrial]) -> None:
        quieten_optuna()
        empty = create_study(directions=study.directions)
        super().__init__(empty.study_name, empty._storage)
        self._trials = list(trials)

    def _get_trials(self, deepcopy: bool = True, states: Any = None, use_cache: bool = False) -> list[FrozenTrial]:
        return [trial for trial in self._trials if states is None or trial.state in states]


class Names:
    """What names and listed values are shown as; each differs from the others.

    Plotly reads some HTML in what it writes, so that of a name's own is escaped.

    Attributes:
        keys: What each searched key is shown as.
        metrics: What the objectives are shown as.
        best: The numbers of the trials that have a rank, best first.
    """

    def __init__(self, study: Study) -> None:
        trials = study.get_trials(deepcopy=False)
        self.keys = shown_names(key for trial in trials for key in trial.params)
        self.metrics = [shown_name(name) for name in metric_names(study)]
        self.best = [trial.number for trial in ranked(study)]
        self._distributions: dict[str, tuple[CategoricalDistribution, Sequence[Any]]] = {}
        self._texts: dict[str, str] = {}

    def trial(self, trial: FrozenTrial) -> FrozenTrial:
        """Return a copy of a trial with names as they are shown, and without what is not."""
        found = self.bare(trial)
        for key, distribution in trial.distributions.items():
            name, value = self.keys[key], trial.params[key]
            if isinstance(distribution, CategoricalDistribution):
                shown, choices = self._choices(distribution)
                i = next(i for i, choice in enumerate(distribution.choices) if equal(choice, value))
                found._params[name], found._distributions[name] = choices[i], shown
            else:
                found._params[name], found._distributions[name] = value, distribution
        return found

    def bare(self, trial: FrozenTrial) -> FrozenTrial:
        """Return a copy of a trial with its state and values alone."""
        found = copy.copy(trial)
        found._user_attrs, found._system_attrs, found._params, found._distributions = {}, {}, {}, {}
        return found

    def _choices(self, distribution: CategoricalDistribution) -> tuple[CategoricalDistribution, Sequence[Any]]:
        name = repr(distribution)
        if name not in self._distributions:
            choices = list(distribution.choices)
            if not all(map(is_number, choices)):
                choices = list(shown_names((as_override_value(choice) for choice in choices), VALUE).values())
            self._distributions[name] = CategoricalDistribution(choices), choices
        return self._distributions[name]

    def labels(self, params: Mapping[str, Any]) -> str:
        """Return a trial's values as Plotly shows them beside a point."""
        return "<br>".join(f"{self.keys[key]}={self._text(value)}" for key, value in params.items())

    def _text(self, value: Any) -> str:
        if isinstance(value, float):
            return f"{value:.4g}"
        name = repr(value)
        if name not in self._texts:  # to write one as it would be typed takes milliseconds
            self._texts[name] = shown_name(as_override_value(value))
        return self._texts[name]


def shown_names(names: Iterable[str], longest: int = LONGEST) -> dict[str, str]:
    """Return what each name is shown as; two that are cut alike get a number."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in dict.fromkeys(names):
        shown = shown_name(name, longest)
        count = 1
        while shown in taken:
            count += 1
            shown = f"{shown_name(name, longest)} ({count})"
        found[name] = shown
        taken.add(shown)
    return found


def shown_name(name: str, longest: int = LONGEST) -> str:
    """Return a name that fits an axis and is no markup to Plotly."""
    name = printable(name)
    if len(name) > longest:
        name = f"{name[: longest // 2]}…{name[-(longest // 2 - 1) :]}"
    return html.escape(name, quote=False).replace("%{", "%&#123;")


def some(names: Names, trials: Sequence[FrozenTrial], most: int) -> list[FrozenTrial]:
    """Return at most so many of the trials, in their order: the best ones, and others that were drawn."""
    if len(trials) <= most:
        return list(trials)
    there = {trial.number for trial in trials}
    best = [number for number in names.best if number in there][: int(LEADERS * most)]
    others = sorted(there - set(best))
    chosen = {*best, *random.Random(0).sample(others, most - len(best))}
    return [trial for trial in trials if trial.number in chosen]


def shown_study(study: Study, names: Names, trials: Sequence[FrozenTrial]) -> ShownStudy:
    """Return the trials as a study for Optuna's figures."""
    return ShownStudy(study, [names.trial(trial) for trial in trials])
