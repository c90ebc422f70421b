"""A sweep that is not the study that it finds: what is said, and what to type instead."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf
from yaml import YAMLError

from convsweep.driver.sweep import MULTIRUN, Sweep
from convsweep.errors import UserError, printable
from convsweep.policy.repeats import is_repeat
from convsweep.policy.work import WORKER
from convsweep.space.values import as_override_value
from convsweep.study.identity import enqueued
from convsweep.study.trial_states import FIXED

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage


def has_begun(study: "Study", directory: Path) -> bool:
    """Whether a study has more than what its command has laid out: what a trial has left, one to be trained again, or
    one that somebody enqueued.

    What ended before that, by a mistake in the data for one, has not; a trial that was taken may wait for the data.
    """
    trials = study.get_trials(deepcopy=False)
    if any(trial.state.name != "WAITING" or trial.intermediate_values or is_repeat(trial) for trial in trials):
        return True
    if enqueued(study):
        return True
    return any(WORKER in trial.system_attrs for trial in trials) and _has_files(directory)


def _has_files(directory: Path) -> bool:
    """Whether a trial has left more in a study's folder than its config and what it has logged."""
    files = (path for path in directory.glob("*/**/*") if path.is_file() and path.suffix != ".log")
    return any(".hydra" not in path.parts for path in files)


def keep_files_apart(study: "Study", sweep: Sweep) -> None:
    """Do as `keep_apart` where the folder's earlier study is in another storage, or both are in one database.

    Raises:
        UserError: Its trials have left files there, and this one's, of which none has begun, would find them.
    """
    subdir: Any = OmegaConf.to_container(sweep.config.hydra.sweep, resolve=False)
    if "study_name" in str(subdir["subdir"]) or any(
        WORKER in trial.system_attrs for trial in study.get_trials(deepcopy=False)
    ):
        return
    try:
        before: Any = OmegaConf.to_container(OmegaConf.load(sweep.directory / MULTIRUN), resolve=False)
        name, storage = (before["hydra"]["sweeper"][key] for key in ("study_name", "storage"))
    except (OSError, LookupError, TypeError, ValueError, YAMLError):  # none of ours
        return
    # Two machines may write one database's address in two ways.
    same = name == sweep.name and (storage is None) == (sweep.config.hydra.sweeper.storage is None)
    if not same and _has_files(sweep.directory):
        raise UserError(_not_its_own(sweep, name))


def keep_apart(storage: "BaseStorage", sweep: Sweep) -> None:
    """Refuse a new study in another one's folder: its trials would go on from that one's checkpoints.

    Another one of which no trial has begun gives way, unless nothing is to be written.

    Raises:
        UserError: The folder's journal holds another study, and not this one.
    """
    import optuna

    known = [study.study_name for study in storage.get_all_studies() if not study.study_name.endswith(":lock")]
    if sweep.name in known:
        return
    for name in known:
        other = optuna.load_study(storage=storage, study_name=name)
        if has_begun(other, sweep.directory):
            raise UserError(_not_its_own(sweep, name))
        if not sweep.config.hydra.sweeper.dry_run:
            storage.delete_study(other._study_id)


def _not_its_own(sweep: Sweep, name: str) -> str:
    return (
        f"`hydra.sweep.dir` must be a folder of the study's own, got {os.path.relpath(sweep.directory)}, where "
        f"{printable(name)} keeps its trials' files; type "
        "hydra.sweep.dir='multirun/${hydra.sweeper.study_name}'"
    )


def which_study(study: "Study", changes: list[str], obstacles: list[str]) -> list[str]:
    """Return what a study has otherwise than it is asked for, and the ways to go on.

    Args:
        study: The study.
        changes: What is other, a line each.
        obstacles: Why it cannot go on as now asked.
    """
    added = [
        f"trial {trial.number} with {as_override_value(trial.system_attrs.get(FIXED, {}))}" for trial in enqueued(study)
    ]
    if obstacles:
        earlier = as_override_value(study.study_name)
        ways = (
            "for a new study beside it that starts from what this one has learned, type hydra.sweeper.on_change=new "
            f"hydra.sweeper.warm_start_from={earlier}"
        )
    else:
        ways = (
            "to go on as now asked, type hydra.sweeper.on_change=continue; for a new study beside it, type "
            "hydra.sweeper.on_change=new"
        )
    return [
        f"`hydra.sweeper.study_name`: the study {study.study_name} exists, and its command was another one:",
        *(f"  {line}" for line in changes),
        *([f"  enqueued trials wait in it: {'; '.join(added)}"] if added else []),
        *(f"  it cannot go on so: {line}" for line in obstacles),
        f"  to take it up as it was, repeat its command; {ways}",
    ]
