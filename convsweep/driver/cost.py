"""What a sweep may cost: from the seconds that the trials most like its own took."""

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from convsweep.driver.sweep import Sweep
from convsweep.errors import UserError
from convsweep.policy.budget import Budget
from convsweep.policy.repeats import Confirmation, is_repeat
from convsweep.policy.work import last_step, seconds_of
from convsweep.space.space import Space
from convsweep.space.values import as_override_value
from convsweep.storage.address import is_local
from convsweep.study.finding import find_studies
from convsweep.study.identity import IDENTITY

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

MOST_STUDIES = 20  # that are looked through, the latest first
NAMED = 3  # differences
UNTIMED = ("seed", "hydra")  # what no trial takes longer for


@dataclass(frozen=True)
class Like:
    """A trial of some study that ran to its end, and in which settings it differs from those that are asked for."""

    study: str
    seconds: float
    steps: int
    differs: tuple[str, ...]


def cost_in_words(study: "Study", sweep: Sweep, left: int, workers: int) -> str:
    """Return what is left of a sweep is about to cost, and what that is known from."""
    budget, again = Budget.of(sweep.config.hydra.sweeper), _again(study, sweep)
    if budget.seconds:
        within = ", the best trained again in it" if again else ""
        return f"{budget}{within}, then what the best trial needs to its end"
    if not left and not again:
        return "none"
    known = list(_trials(study, sweep))
    if not known:
        return (
            "not known: no trial has ended beside this study so far; for a measure, run two: hydra.sweeper.n_trials=2"
        )
    fewest = min(len(like.differs) for like in known)
    alike = [like for like in known if len(like.differs) == fewest]
    steps = sweep.config.hydra.sweeper.max_resource
    by_step = bool(steps) and all(like.steps for like in alike)
    each = statistics.median(like.seconds / like.steps * steps if by_step else like.seconds for like in alike)
    if budget.steps is not None and steps:
        total = each / steps * max(0, budget.steps - sum(map(last_step, study.get_trials(deepcopy=False))))
    else:
        total = each * (left + again)
    clock = timedelta(seconds=max(1, round(total / workers)))
    names = list(dict.fromkeys(like.study for like in alike))
    where = names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")
    count = f"{len(alike)} like it" if len(alike) > 1 else "one like it"
    apart = _differences(alike) if fewest else ""
    with_whom = f"{workers} worker{'s' * (workers != 1)}"
    part = (
        f", {timedelta(seconds=max(1, round(again * each / workers)))} of it to train the best again" if again else ""
    )
    return f"at most {clock} with {with_whom}{part}: {each:.1f} s a trial, as {count} in {where}{apart}"


def _again(study: "Study", sweep: Sweep) -> int:
    """Return how many trials are still to train the best ones again."""
    confirmation = Confirmation.of(sweep.config.hydra.sweeper)
    done = sum(is_repeat(t) and t.state.is_finished() for t in study.get_trials(deepcopy=False))
    return max(0, confirmation.trials - done) if confirmation else 0


def _differences(alike: list[Like]) -> str:
    keys = list(dict.fromkeys(key for like in alike for key in like.differs))
    more = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
    return f", which differs in {', '.join(keys[:NAMED])}{more}"


def _trials(study: "Study", sweep: Sweep) -> "Iterator[Like]":
    """Yield the trials that ended, of this study and of those beside it."""
    yield from _like(study, sweep)
    storage = sweep.config.hydra.sweeper.storage
    try:
        beside = find_studies(sweep.directory.parent, storage if not is_local(storage) else None)
    except UserError:
        return
    for other, _ in beside[:MOST_STUDIES]:
        if other.study_name != study.study_name:
            yield from _like(other, sweep)


def _like(study: "Study", sweep: Sweep) -> "Iterator[Like]":
    settings = study.user_attrs.get(IDENTITY, {}).get("settings", {})
    shared = settings.keys() & sweep.settings.keys()
    if 2 * len(shared) < len(sweep.settings):
        return  # another app's
    for trial in study.get_trials(deepcopy=False):
        if trial.state.name == "COMPLETE" and seconds_of(trial) > 0:
            differs = tuple(_differing(trial, settings, sweep.settings, sweep.space))
            yield Like(study.study_name, seconds_of(trial), last_step(trial), differs)


def _differing(
    trial: "FrozenTrial", settings: Mapping[str, Any], asked: Mapping[str, Any], space: Space
) -> Iterator[str]:
    """Yield the keys in which a trial differs from all that a sweep would run, with the trial's value."""
    has = {**settings, **trial.params}
    for key, value in asked.items():
        if key in has and has[key] != value and not key.startswith(UNTIMED):
            yield f"{key}={as_override_value(has[key])}"
    for key, parameter in space.parameters.items():
        if key in has and not parameter.contains(has[key]):
            yield f"{key}={as_override_value(has[key])}"
