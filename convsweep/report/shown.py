"""A study as its figures show it: names that are no markup and fit an axis, and no more trials than can be seen."""

import html
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from optuna import Study
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial

from convsweep.display.words import in_plain_words
from convsweep.errors import printable
from convsweep.space.values import equal
from convsweep.study.metric_names import metric_names
from convsweep.study.ranking import ranked

LONGEST, VALUE = 40, 24  # characters of a name, and of a listed value
LEADERS = 0.5  # of the trials that are shown, where not all are


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
        self._choices: dict[str, Sequence[str]] = {}
        self._texts: dict[str, str] = {}

    def is_listed(self, key: str, trial: FrozenTrial) -> bool:
        """Whether a trial's value of a key is one of a list."""
        return isinstance(trial.distributions[key], CategoricalDistribution)

    def value(self, key: str, trial: FrozenTrial) -> Any:
        """Return a trial's value of a key as an axis has it: a number, or what a listed value is shown as."""
        value, distribution = trial.params[key], trial.distributions[key]
        if not isinstance(distribution, CategoricalDistribution):
            return value
        return next(
            shown
            for shown, choice in zip(self.choices(key, trial), distribution.choices, strict=True)
            if equal(choice, value)
        )

    def choices(self, key: str, trial: FrozenTrial) -> Sequence[str]:
        """Return what the values that a trial's was chosen from are shown as."""
        distribution: Any = trial.distributions[key]
        name = repr(distribution)
        if name not in self._choices:
            self._choices[name] = list(shown_names(map(in_plain_words, distribution.choices), VALUE).values())
        return self._choices[name]

    def labels(self, params: Mapping[str, Any]) -> str:
        """Return a trial's values as Plotly shows them beside a point."""
        return "<br>".join(f"{self.keys[key]}={self._text(value)}" for key, value in params.items())

    def _text(self, value: Any) -> str:
        if isinstance(value, float):
            return f"{value:.4g}"
        name = repr(value)
        if name not in self._texts:
            self._texts[name] = shown_name(in_plain_words(value))
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


class Numbered(Protocol):
    """A trial, or what stands for one."""

    @property
    def number(self) -> int: ...


T = TypeVar("T", bound=Numbered)


def some(names: Names, trials: Sequence[T], most: int) -> list[T]:
    """Return at most so many of the trials, in their order: the best ones, and others that were drawn."""
    if len(trials) <= most:
        return list(trials)
    there = {trial.number for trial in trials}
    best = [number for number in names.best if number in there][: int(LEADERS * most)]
    others = sorted(there - set(best))
    chosen = {*best, *random.Random(0).sample(others, most - len(best))}
    return [trial for trial in trials if trial.number in chosen]
