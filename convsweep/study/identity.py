"""What a study is: its name, its space and its settings, so that the same command is the same study."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from convsweep.errors import UserError
from convsweep.policy.repeats import is_repeat
from convsweep.space.space import Space
from convsweep.space.values import as_override_value
from convsweep.study.trial_states import FIXED, LAID_OUT, fail, prescribe

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

IDENTITY = "convsweep"  # what a study searches, and with which settings
INSIDE = (
    "inside"  # in that: the keys that are searched, those inside of groups too, on its first day; older ones have none
)
ENUMERATED = "convsweep:enumerated"  # of a study: whether every combination of its space is tried once


def default_name(job_name: str, space: Space) -> str:
    """Name a study after what it searches, so that the same command is the same study.

    A hash stands for the space and the fixed overrides in full.
    """
    keys = "-".join(name.split(".")[-1].split("/")[-1] for name in list(space.parameters)[:3])
    identity = json.dumps(
        [space.describe(), {n: repr(p.distribution) for n, p in space.parameters.items()}, space.fixed]
    )
    return "-".join(filter(None, [job_name, keys, hashlib.sha256(identity.encode()).hexdigest()[:6]]))


def open_study(
    storage: "BaseStorage",
    name: str,
    directions: list[Any],
    space: Space,
    settings: Mapping[str, Any],
    seed: int | None,
    defaults: Collection[str] = (),
    inside: Collection[str] = (),
) -> "tuple[Study, list[str]]":
    """Create the study, or load it when it exists; return it with what it has otherwise than it is asked for now.

    Args:
        storage: The open storage.
        name: The study's name.
        directions: `minimize` or `maximize` for each objective.
        space: What is searched.
        settings: The values of the app's config that are the same in all trials, by their full keys.
        seed: Of the study, None to draw one.
        defaults: Settings that are what the app's schema has anyway: a study that knows none of that name was begun
            before there was such a key, and is no other one for it.
        inside: The full keys that are searched, those inside of groups too: which ones there were on the day is kept.
    """
    import optuna

    wanted = {"space": space.describe(), "direction": list(directions), "settings": dict(settings)}
    if name not in {study.study_name for study in storage.get_all_studies()}:
        study = optuna.create_study(storage=storage, study_name=name, directions=directions, load_if_exists=True)
        adopt(study, directions, space, settings, seed, inside)
        return study, []
    study = optuna.load_study(storage=storage, study_name=name)
    if IDENTITY not in study.user_attrs:  # only what its trials are like is known of it
        return study, ["it was begun without this sweeper"] if obstacles(study, directions, space) else []
    had = wanted | study.user_attrs.get(IDENTITY, {})
    new = {name for name in defaults if name not in had["settings"]}
    asked = {name: value for name, value in wanted["settings"].items() if name not in new}
    changes = _changes("space ", had["space"], wanted["space"]) + _changes("", had["settings"], asked)
    if had["direction"] != wanted["direction"]:
        changes.append(f"direction: it has {had['direction']}, now asked for {wanted['direction']}")
    if seed is not None and study.user_attrs.get("seed", seed) != seed and "seed" not in settings:
        changes.append(f"hydra.sweeper.seed: it has {study.user_attrs['seed']}, now asked for {seed}")
    return study, changes


def adopt(
    study: "Study",
    directions: list[Any],
    space: Space,
    settings: Mapping[str, Any],
    seed: int | None,
    inside: Collection[str] = (),
) -> None:
    """Note what a study is asked for, and its seed, where that is not known: it is new, or Optuna's own.

    Who creates one may be killed before the next line.
    """
    if IDENTITY not in study.user_attrs:
        asked = {"space": space.describe(), "direction": list(directions), "settings": dict(settings)}
        study.set_user_attr(IDENTITY, asked | {INSIDE: list(inside)})
    if "seed" not in study.user_attrs:
        study.set_user_attr("seed", int.from_bytes(os.urandom(4), "little") if seed is None else seed)


def is_enumerated(study: "Study") -> bool:
    """Whether every combination of the study's space is tried once."""
    known = study.user_attrs.get(ENUMERATED)
    if known is None:  # it was laid out before studies kept it
        return all(FIXED in trial.system_attrs for trial in study.get_trials(deepcopy=False))
    return known


def enqueued(study: "Study") -> "list[FrozenTrial]":
    """Return the waiting trials that no command has laid out: somebody added them, as with Optuna's `enqueue_trial`.

    Of a study that was created before trials were marked nobody knows.
    """
    if INSIDE not in study.user_attrs.get(IDENTITY, {INSIDE: []}):
        return []
    waiting = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "WAITING"]
    return [trial for trial in waiting if LAID_OUT not in trial.system_attrs and not is_repeat(trial)]


def obstacles(study: "Study", directions: list[str], space: Space) -> list[str]:
    """Return why a study's trials and another space cannot be in one study, a line each; nothing where they can."""
    from optuna.distributions import check_distribution_compatibility

    problems = []
    if [direction.name.lower() for direction in study.directions] != directions:
        problems.append("direction: a study's directions are fixed")
    trials = study.get_trials(deepcopy=False)
    for name, parameter in space.parameters.items():
        try:
            for trial in trials:
                if name in trial.distributions:
                    check_distribution_compatibility(trial.distributions[name], parameter.distribution)
        except ValueError:
            problems.append(f"{name}: Optuna keeps a parameter's choices and type for the whole of a study")
    for trial in enqueued(study):
        values = trial.system_attrs.get(FIXED, {})
        if space.agreeing(values) != values:
            given = as_override_value(values)
            problems.append(f"trial {trial.number}, which was enqueued with {given}: it lies outside of the space")
    return problems


def change(
    study: "Study",
    directions: list[str],
    space: Space,
    settings: Mapping[str, Any],
    defaults: Collection[str] = (),
    inside: Collection[str] = (),
) -> None:
    """Let a study go on with another space and other settings; its seed stays.

    Trials that wait with values outside of the space lose them, or fail when they had begun. Settings, and keys
    `inside` of groups, that the study knows nothing of, and that are `defaults` as in `open_study`, stay unknown to it.

    Raises:
        UserError: Its trials and the new space cannot be in one study.
    """
    from optuna.trial import TrialState

    problems, trials = obstacles(study, directions, space), study.get_trials(deepcopy=False)
    if problems:
        earlier = as_override_value(study.study_name)
        raise UserError(
            [
                f"`hydra.sweeper.on_change=continue` cannot take the study {study.study_name} along:",
                *(f"  {problem}" for problem in problems),
                f"  type hydra.sweeper.on_change=new hydra.sweeper.warm_start_from={earlier}",
            ]
        )
    for trial in trials:
        if trial.state == TrialState.WAITING:
            prescribed = trial.system_attrs.get(FIXED, {})
            if space.agreeing(prescribed) != prescribed:
                prescribe(study, trial._trial_id, {})
            if space.agreeing(trial.params) != trial.params:
                fail(study, trial._trial_id, "its values lie outside of the changed space")
    had = study.user_attrs.get(IDENTITY, {})
    known = {*had.get("settings", settings), *had.get("space", {}), *had.get(INSIDE, ())}
    kept = {name: value for name, value in settings.items() if name in known or name not in defaults}
    searched = [name for name in inside if name in known or name not in defaults]
    asked = {"space": space.describe(), "direction": list(directions), "settings": kept}
    study.set_user_attr(IDENTITY, asked | ({INSIDE: searched} if INSIDE in had else {}))


def _changes(what: str, had: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    return [
        f"{what}{key}: it has {_shown(had, key)}, now asked for {_shown(wanted, key)}"
        for key in dict.fromkeys([*had, *wanted])
        if _shown(had, key) != _shown(wanted, key)
    ]


def _shown(values: Mapping[str, Any], key: str) -> str:
    return json.dumps(values[key]) if key in values else "none"


def fixed_settings(config: DictConfig, space: Space) -> dict[str, Any]:
    """Return a trial's config without what is searched and without `hydra`, flat: full key -> value as JSON has it.

    Interpolations stay as they are written: what they stand for may differ from one run to the next.
    """
    inside = set(searched_settings(config, space))
    return {key: value for key, value in _flat(config).items() if key not in inside}


def searched_settings(config: DictConfig, space: Space) -> list[str]:
    """Return the full keys of a trial's config that are searched, those inside of searched groups among them."""
    searched = tuple(name.replace("/", ".").split("@")[-1] for name in space.parameters)
    return [key for key in _flat(config) if any(key == name or key.startswith(f"{name}.") for name in searched)]


def _flat(config: DictConfig) -> dict[str, Any]:
    flat: dict[str, Any] = {}

    def flatten(prefix: str, value: Any) -> None:
        if isinstance(value, dict) and value:
            for key, item in value.items():
                flatten(f"{prefix}.{key}" if prefix else str(key), item)
        else:
            flat[prefix] = json.loads(json.dumps(value, default=str))

    names = [str(key) for key in config if key != "hydra"]
    flatten("", OmegaConf.to_container(OmegaConf.masked_copy(config, names), resolve=False))
    return flat


def schema_defaults(config: DictConfig, settings: Collection[str]) -> set[str]:
    """Return those of the settings, by their full keys, whose value is the default of the dataclass around them."""
    found, defaults = set(), {}
    for key in settings:
        parent, _, name = key.rpartition(".")
        node: Any = OmegaConf.select(config, parent) if parent else config
        schema = OmegaConf.get_type(node) if OmegaConf.is_dict(node) else None
        if schema is None or not dataclasses.is_dataclass(schema) or OmegaConf.is_missing(node, name):
            continue
        if schema not in defaults:
            defaults[schema] = OmegaConf.structured(schema)
        default = defaults[schema]
        if name in default and not OmegaConf.is_missing(default, name) and default[name] == node[name]:
            found.add(key)
    return found
