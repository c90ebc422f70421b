"""The study as a queue: its waiting trials are its budget, and workers take them one by one."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from convsweep.errors import UserError, listed
from convsweep.policy.asha import DESCRIBED
from convsweep.policy.budget import MAX_ENUMERATED
from convsweep.space.space import Space
from convsweep.space.values import as_override_value, equal, hashable
from convsweep.study.identity import ENUMERATED
from convsweep.study.trial_states import FIXED, LAID_OUT, prescribe

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

ENQUEUE = "hydra.sweeper.enqueue"
Marked = tuple[Mapping[str, Any], Mapping[str, Any]]  # a configuration, and the marks of the trial that has it


def parse_enqueue(entries: Sequence[Any], space: Space, n_trials: int) -> list[dict[str, Any]]:
    """Return the values of `hydra.sweeper.enqueue`, each a whole configuration of the space or a part of one.

    Raises:
        UserError: Some do not lie in the space; names each of them.
    """
    problems: list[str] = []
    configurations = []
    for i, entry in enumerate(entries):
        if not isinstance(entry, Mapping):
            problems.append(f"`{ENQUEUE}[{i}]` must map searched keys to values, got {entry}; type e.g. {{x: 1}}")
            continue
        given = {str(name).lstrip("+"): value for name, value in entry.items()}
        for name, value in given.items():
            problem = _objection(name, value, given, space)
            problems += [f"`{ENQUEUE}[{i}].{name}` {problem}"] if problem else []
        known = space.parameters
        configurations.append({n: known[n].on_grid(v) if n in known else v for n, v in given.items()})
    if len(entries) > n_trials:
        problems.append(
            f"`{ENQUEUE}` must not have more configurations than there are trials, got {len(entries)}; "
            f"type hydra.sweeper.n_trials={len(entries)}"
        )
    if problems:
        raise UserError(problems)
    return configurations


def _objection(name: str, value: Any, given: Mapping[str, Any], space: Space) -> str | None:
    if name not in space.parameters:
        # What a custom search space suggests shows only when it does.
        return None if space.custom else f"is not searched; searched are {listed(name, space.parameters)}"
    parameter = space.parameters[name]
    if not parameter.contains(value):
        return f"must be in {parameter.domain}, got {as_override_value(value)}"
    for condition in parameter.conditions:
        if not condition.holds(given):
            got = as_override_value(given[condition.name]) if condition.name in given else "none in this entry"
            return (
                f"is searched only if {condition.text}, got {condition.name}: {got}; take one of them out, or set both"
            )
    return None


def fill(
    study: "Study",
    space: Space,
    n_trials: int,
    first: Sequence[Mapping[str, Any]] = (),
    growing: bool = False,
    described: Callable[[], Mapping[str, Any]] | None = None,
    again: Sequence[Marked] = (),
    beside: int = 0,
) -> bool:
    """Make the study's waiting trials its remaining budget; return whether every combination is enumerated.

    A space of at most `n_trials` combinations is listed, each once; else the trials wait without values,
    to be drawn when they are taken. Trials of an earlier run count, whatever became of them. The
    configurations of `first` come first, those apart that a trial agrees with already. Where trials are to be
    `growing` as they are wanted, those that would wait without values are left out. What the config itself has
    `described` comes after them in a study that is new, unless every combination is tried; it is asked for only then.
    Before all of them come those that are to be run `again`, with their marks; so many trials are `beside` the
    `n_trials`.
    """
    from optuna.trial import TrialState, create_trial

    from convsweep.storage.journal import together

    trials = study.get_trials(deepcopy=False)
    tried = [trial_params(trial) for trial in trials]
    known = {hashable(params) for params in tried}
    size = space.size
    enumerated = size is not None and size <= (min(n_trials, MAX_ENUMERATED) if growing else n_trials)
    combinations = space.combinations(study.user_attrs["seed"]) if enumerated else ()
    missing = [combination for combination in combinations if hashable(combination) not in known]
    values = described() if described and not (trials or enumerated) else {}
    if values:
        first = [*first, values]
    wanted: list[Mapping[str, Any]] = []
    n_trials += beside
    for configuration in first:
        if not any(agree(configuration, params) for params in [*tried, *wanted]):
            if enumerated:
                configuration = next(combination for combination in missing if agree(configuration, combination))
                missing.remove(configuration)
            wanted.append(configuration)
    marked: list[Marked] = [(params, {DESCRIBED: True} if params is values else {}) for params in [*wanted, *missing]]
    marked = [*again, *marked]
    for trial in trials[:n_trials]:
        empty = trial.state == TrialState.WAITING and not trial_params(trial)
        if empty and marked and space.parameters and prescribe(study, trial._trial_id, *marked[0]):
            marked.pop(0)
    budget = max(0, n_trials - len(trials))
    if not enumerated and not growing:
        marked += [({}, {})] * budget
    waiting = [
        create_trial(
            state=TrialState.WAITING,
            system_attrs={LAID_OUT: True, **({FIXED: dict(params)} if params else {}), **marks},
        )
        for params, marks in marked[:budget]
    ]
    study.add_trials(waiting[:1])  # a journal's storage must have seen one that it made, before it cannot see them
    with together(study._storage):
        study.add_trials(waiting[1:])
        if study.user_attrs.get(ENUMERATED) != enumerated:
            study.set_user_attr(ENUMERATED, enumerated)
    return enumerated


def agree(part: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    """Whether all of the values of `part` are among those of `params`."""
    return all(name in params and equal(params[name], value) for name, value in part.items())


def trial_params(trial: "FrozenTrial") -> dict[str, Any]:
    """Return a trial's values, those decided and, while it waits, those prescribed."""
    return {**trial.system_attrs.get(FIXED, {}), **trial.params}
