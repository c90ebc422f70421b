"""Which of some configurations is to be used, by what they came to with several seeds each."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from convsweep.display import mean_in_words
from convsweep.intervals import LEVEL, Difference, Mean, difference_of, mean_of
from convsweep.study import leaders, repeated, rounded, value_names
from src.config.objective import bounds

if TYPE_CHECKING:
    from optuna import Study

DIGITS = {"parameters": 0, "fit_seconds": 1}  # what a model costs, the more important first: digits after the point
ALIKE = 1.1  # costs that differ by less than this factor are the same


@dataclass(frozen=True)
class Candidate:
    """A configuration that was trained with several seeds.

    Attributes:
        number: Of its trial in the search.
        params: The searched values.
        values: Of each objective, by seed.
        before: What the search had for each objective.
        costs: `parameters`, `fit_seconds` and `best_epoch`, means over the seeds; what is not known is not there.
        repeats: The numbers of the trials that trained it again, in their own study.
        loss: The mean of their validation losses; infinite where one is not known.
        bounds: Between which numbers each objective lies.
    """

    number: int
    params: Mapping[str, Any]
    values: Sequence[Mapping[int, float]]
    before: Sequence[float]
    costs: Mapping[str, float]
    repeats: Sequence[int] = ()
    loss: float = math.inf
    bounds: Sequence[tuple[float, float]] = ()

    def mean(self, objective: int = 0) -> Mean:
        mean = mean_of(list(self.values[objective].values()))
        return mean.within(self.bounds[objective]) if self.bounds else mean


@dataclass(frozen=True)
class Choice:
    """What was chosen, and why.

    Attributes:
        winner: What is to be used.
        runner_up: What it was compared with, None where there was nothing.
        difference: By how much the winner is better, negative where it is only the cheaper one.
        words: The reason, a sentence.
    """

    winner: Candidate
    runner_up: Candidate | None
    difference: Difference | None
    words: str


def candidates_of(study: "Study", source: "Study") -> list[Candidate]:
    """Return what a study's repeats came to, the best first; of several objectives by number.

    Of equal means that with the lower validation loss comes first, then the one that was better in the search.
    """
    within = [bounds(name) for name in value_names(source)]
    before = {trial.number: trial.values or [] for trial in source.get_trials(deepcopy=False)}
    found = []
    for one in repeated(study):
        fits = [trial.user_attrs["fit"] for trial in one.trials if "fit" in trial.user_attrs]
        costs = {name: sum(fit[name] for fit in fits) / len(fits) for name in (fits[0] if fits else ())}
        values = [one.values(i) for i in range(len(study.directions))]
        numbers, loss = [trial.number for trial in one.trials], one.tie_break
        found.append(
            Candidate(one.number, one.params, values, before.get(one.number, []), costs, numbers, loss, within)
        )
    if len(study.directions) > 1:
        return found
    sign = -1 if study.directions[0].name == "MAXIMIZE" else 1
    places = {trial.number: place for place, trial in enumerate(leaders(source))}
    return sorted(found, key=lambda one: (rounded(sign * one.mean().value), one.loss, places.get(one.number, math.inf)))


def choose(candidates: Sequence[Candidate], maximize: bool) -> Choice:
    """Return the best by its mean; or the runner-up, if that is no worse by more than noise or a seed, and cheaper.

    Args:
        candidates: The best first, as `candidates_of` has them.
        maximize: Whether more is better.
    """
    best = candidates[0]
    if len(candidates) == 1:
        return Choice(best, None, None, f"trial {best.number}: there is no other one to compare it with")
    second, sign = candidates[1], 1 if maximize else -1
    ours, theirs = ({seed: sign * value for seed, value in one.values[0].items()} for one in (best, second))
    difference = difference_of(ours, theirs)
    difference = difference.within(best.bounds[0]) if best.bounds else difference
    test = in_words(difference)
    if difference.is_real():
        return Choice(best, second, difference, f"trial {best.number} is better than {second.number}: {test}")
    cost = cheaper(second, best) if _is_alike(difference, best, second) else None
    equal = rounded(best.mean().value) == rounded(second.mean().value)
    if cost is None:
        words = f"trial {best.number} has the better mean; it may be no better than {second.number}: {test}"
        if equal:
            words = f"trial {best.number}, whose mean equals that of {second.number} ({test}): {_better(best, second)}"
        return Choice(best, second, difference, words)
    less, more = (f"{one.costs[cost]:,.{DIGITS[cost]}f}" for one in (second, best))
    why = f"has an equal mean ({test})" if equal else f"is better by no more than noise ({test})"
    words = (
        f"trial {second.number}, for {best.number} {why}, and costs more: "
        f"{more} {cost.replace('_', ' ')} against {less}"
    )
    back = Difference(-difference.value, -difference.high, -difference.low, difference.p_value, difference.paired)
    return Choice(second, best, back, words)


def _is_alike(difference: Difference, *candidates: Candidate) -> bool:
    """Whether a difference is no larger than what a seed makes: few seeds find no difference between any two."""
    spreads = [one.mean().spread for one in candidates]
    return not any(map(math.isnan, spreads)) and abs(difference.value) <= max(spreads)


def _better(best: Candidate, second: Candidate) -> str:
    """Say by what the first of two with equal means is the first."""
    if best.loss != second.loss and max(best.loss, second.loss) < math.inf:
        return f"its validation loss is lower, {best.loss:.4g} against {second.loss:.4g}"
    return "it was the better one in the search"


def choose_all(candidates: Sequence[Candidate]) -> list[Choice]:
    """Return each point of a Pareto front: none is better than another."""
    return [Choice(one, None, None, f"trial {one.number}, of the Pareto front") for one in candidates]


def cheaper(one: Candidate, other: Candidate) -> str | None:
    """Return by which cost, the most important one that differs, `one` is cheaper than `other`; None if it is not."""
    for cost in DIGITS:
        ours, theirs = one.costs.get(cost), other.costs.get(cost)
        if ours is None or theirs is None or max(ours, theirs) <= ALIKE * min(ours, theirs):
            continue
        return cost if ours < theirs else None
    return None


def in_words(difference: Difference) -> str:
    """Return a difference with its interval and how it was tested."""
    how = "paired by seed" if difference.paired else "not paired"
    if not difference.has_ends:
        if difference.p_value == 1 and difference.paired and math.isfinite(difference.value):
            return "the same with each seed"
        if difference.p_value == 1:
            return f"{difference.value:+.4f}, with too few seeds to test it"
        return f"{difference.value:+.4f} whatever the seed, p {difference.p_value:.2g}, {how}"
    return (
        f"{difference.value:+.4f}, {LEVEL:.0%} interval {difference.low:+.4f} to {difference.high:+.4f}, "
        f"p {difference.p_value:.2g}, {how}"
    )


def header_of(objectives: Sequence[str]) -> list[str]:
    """Return the heads of the columns of `rows_of`."""
    return ["trial", *objectives, "spread", "in the search", *(name.replace("_", " ") for name in DIGITS)]


def rows_of(candidates: Sequence[Candidate]) -> list[list[str]]:
    """Return a row for each candidate: number, mean of each objective, spread and earlier value of the first, costs."""
    rows = []
    for one in candidates:
        means = [mean_in_words(one.mean(i)) for i in range(len(one.values))]
        costs = [f"{one.costs[name]:,.{digits}f}" if name in one.costs else "" for name, digits in DIGITS.items()]
        before = _number(one.before[0]) if one.before else ""
        rows.append([str(one.number), *means, _number(one.mean().spread), before, *costs])
    return rows


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4f}"
