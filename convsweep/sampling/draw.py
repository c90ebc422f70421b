"""Which values a trial gets: prescribed ones, or the sampler's, drawn from a seed of the trial's own."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from convsweep.policy.asha import Asha
from convsweep.policy.repeats import is_repeat
from convsweep.sampling.instantiate import derive_seed, make_sampler
from convsweep.sampling.sketch import sketch
from convsweep.space.space import Space
from convsweep.space.values import hashable
from convsweep.storage.turns import in_turn
from convsweep.study.queue import agree, trial_params
from convsweep.study.trial_states import FIXED

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial, Trial

# So often is a combination that has been run drawn anew, before one that has not is picked at random.
MAX_DRAWS = 20
# With a scheduler some draws are not the sampler's: what a rung says of a configuration may be wrong.
MIXTURE = 4  # a number of its own for the draw that says whose
NEAR_FROM = 10  # the first trial that may be drawn near the best: TPE draws as many at random first
# Up to this many combinations are looked through for that; above, a duplicate is next to impossible.
MAX_LISTED = 100_000


@dataclass(frozen=True)
class Drawn:
    """Values for a trial.

    Attributes:
        params: Key -> value.
        distributions: Key -> what it was drawn from.
        attempt: How many were drawn before, for this trial.
        untried: Whether no other trial had them, as far as could be seen.
    """

    params: dict[str, Any]
    distributions: "dict[str, BaseDistribution]"
    attempt: int
    untried: bool = True


def draw(
    study: "Study", taken: "FrozenTrial", space: Space, sweeper: DictConfig, compose: Callable[[list[str]], DictConfig]
) -> dict[str, Any]:
    """Return the values of a taken trial, and write them to the storage.

    A trial that waited with values, prescribed or of an earlier run, keeps them. Of workers that draw in the same
    moment each sees what those before it have claimed: no two trials get the same values.

    Args:
        study: The study.
        taken: The trial.
        space: What is searched.
        sweeper: `hydra.sweeper`.
        compose: Makes a config from overrides, for a custom search space.
    """
    from convsweep.storage.journal import writes_at_once

    known = trial_params(taken)
    if not space.custom and not space.missing(known):
        _write(study, taken, known, {n: p.distribution for n, p in space.parameters.items() if n in known})
        return known
    if is_repeat(taken):
        again = _attempt(study, taken, space, known, sweeper, compose, 0)
        _write(study, taken, again.params, again.distributions)
        return again.params
    drawn: Drawn | None = None
    while True:
        before = study.get_trials(deepcopy=False)
        drawn = propose(study, taken, space, known, sweeper, compose, drawn.attempt + 1 if drawn else 0, before)
        with in_turn(study) if sweeper.skip_duplicates else nullcontext():
            if drawn.untried and sweeper.skip_duplicates and _is_tried(drawn.params, taken, _news(study, before)):
                continue
            if writes_at_once(study._storage):
                _write(study, taken, drawn.params, drawn.distributions)
                return drawn.params
            # Seen at once and as a whole, where the values are written one by one; who is killed has them again.
            study._storage.set_trial_system_attr(taken._trial_id, FIXED, drawn.params)
        _write(study, taken, drawn.params, drawn.distributions)
        return drawn.params


def propose(
    study: "Study",
    taken: "FrozenTrial",
    space: Space,
    known: Mapping[str, Any],
    sweeper: DictConfig,
    compose: Callable[[list[str]], DictConfig] | None = None,
    attempt: int = 0,
    others: "Iterable[FrozenTrial] | None" = None,
) -> Drawn:
    """Return a value for each key that the trial has, which together no trial has yet; write nothing.

    Args:
        study: The study.
        taken: The trial.
        space: What is searched.
        known: Values that the trial has already.
        sweeper: `hydra.sweeper`.
        compose: Makes a config from overrides, for a custom search space.
        attempt: The first attempt that has not been made.
        others: The study's trials, if they have been read.
    """
    if not sweeper.skip_duplicates:
        return _attempt(study, taken, space, known, sweeper, compose, attempt)
    others = study.get_trials(deepcopy=False) if others is None else others
    while True:
        drawn = _attempt(study, taken, space, known, sweeper, compose, attempt)
        if not _is_tried(drawn.params, taken, others):
            return drawn
        attempt += 1
        if attempt >= MAX_DRAWS:
            break
    seed = derive_seed(study.user_attrs["seed"], taken.number, attempt)
    # What was prescribed is given up before the same is run twice; what the trial has run with is not.
    for kept in (known, taken.params):
        if untried := _untried(space, kept, taken, others, study.user_attrs["seed"]):
            params = untried[seed % len(untried)]
            return Drawn(params, {name: space.parameters[name].distribution for name in params}, attempt)
    return Drawn(drawn.params, drawn.distributions, attempt, untried=False)


def _attempt(
    study: "Study",
    taken: "FrozenTrial",
    space: Space,
    known: Mapping[str, Any],
    sweeper: DictConfig,
    compose: Callable[[list[str]], DictConfig] | None,
    attempt: int,
) -> Drawn:
    from optuna.trial import Trial

    from convsweep.sampling.sampler_view import ENOUGH, SamplerView

    asha = Asha.of(sweeper)
    study.sampler = _sampler(study, taken.number, attempt, space, sweeper, asha)
    enough = (sweeper.scheduler or {}).get("enough_results") or ENOUGH
    trial = Trial(SamplerView(study, study.sampler, asha, enough, space), taken._trial_id)
    params = _sample(trial, taken, space, {name: v for name, v in known.items() if name in space.parameters})
    distributions = {name: space.parameters[name].distribution for name in params}
    if space.custom and compose is not None:
        try:
            return Drawn(*sketch(trial, space, params, distributions, compose), attempt)
        except Exception:
            _write(study, taken, params, distributions)  # the trial fails, and shows with which values
            raise
    return Drawn(params, distributions, attempt)


def _sampler(
    study: "Study", number: int, attempt: int, space: Space, sweeper: DictConfig, asha: Asha | None
) -> "BaseSampler":
    """Return what draws for a trial: the sampler, or with a scheduler for some trials a random or a near one."""
    seed = study.user_attrs["seed"]
    if asha is not None:
        drawn = derive_seed(seed, number, MIXTURE)
        # The last two bits count most: in studies of before they alone said it.
        share = (drawn % 4 + (drawn >> 2) / 2**30) / 4
        at_random = sweeper.scheduler.get("random_share") or 0.0
        if share < at_random:
            random = OmegaConf.create({"_target_": "optuna.samplers.RandomSampler"})
            return make_sampler(random, seed, number, attempt)
        near = number >= NEAR_FROM and share < at_random + (sweeper.scheduler.get("near_share") or 0.0)
        if near and (best := asha.best(study)):
            from convsweep.sampling.near import NearSampler

            drawn = derive_seed(seed, number, attempt)
            return NearSampler(best[drawn % len(best)].params, drawn)
    return make_sampler(sweeper.sampler, seed, number, attempt, conditional=space.conditional)


def _is_tried(params: Mapping[str, Any], taken: "FrozenTrial", others: "Iterable[FrozenTrial]") -> bool:
    """Whether another trial has, or is to have, these very values."""
    # Compared one by one, since most draws are new: putting thousands into a set takes longer.
    if not params:
        return False
    name, value = next(iter(params.items()))
    for trial in others:
        if trial.params.get(name, value) != value == value:  # nan is for `agree`
            continue
        # What a running trial is to have may be written one by one.
        values = trial_params(trial)
        if len(values) == len(params) and trial.number != taken.number and agree(params, values):
            return True
    return False


def _news(study: "Study", before: "list[FrozenTrial]") -> "Iterable[FrozenTrial]":
    """Yield the trials that may have got values since the others were looked at."""
    now = study.get_trials(deepcopy=False)
    # A storage puts another object in the place of a trial that has changed.
    yield from (new for new, old in zip(now, before, strict=False) if new is not old)
    yield from now[len(before) :]


def _untried(
    space: Space, known: Mapping[str, Any], taken: "FrozenTrial", others: "Iterable[FrozenTrial]", seed: int
) -> list[dict[str, Any]]:
    """Return the combinations with the known values that no trial has, none where there are too many to list."""
    listed = space.listed(known)
    if listed is None or listed.size is None or listed.size > MAX_LISTED:
        return []
    tried = {hashable(trial_params(other)) for other in others if other.number != taken.number}
    return [c for c in listed.combinations(seed) if hashable(c) not in tried and agree(known, c)]


def _write(
    study: "Study", taken: "FrozenTrial", params: Mapping[str, Any], distributions: "Mapping[str, BaseDistribution]"
) -> None:
    from convsweep.storage.journal import together

    with together(study._storage):
        for name, distribution in distributions.items():
            if name not in taken.params:
                internal = distribution.to_internal_repr(params[name])
                study._storage.set_trial_param(taken._trial_id, name, internal, distribution)


def _sample(trial: "Trial", taken: "FrozenTrial", space: Space, known: Mapping[str, Any]) -> dict[str, Any]:
    study = trial.study
    relative = trial.relative_params
    values: dict[str, Any] = {}
    for name, parameter in space.parameters.items():
        if not parameter.active(values):
            continue
        if parameter.distribution.single():
            value = parameter.values[0] if parameter.values else None
        elif name in relative:
            value = relative[name]
        else:
            value = study.sampler.sample_independent(study, taken, name, parameter.distribution)
        # Drawn also where it is known: what is drawn after it is the same when a trial is taken up again.
        values[name] = parameter.on_grid(known.get(name, value))
    return values
