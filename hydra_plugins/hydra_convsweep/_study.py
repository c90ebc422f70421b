"""The study: its storage, its identity, and what dead workers left of it."""

import hashlib
import json
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._errors import UserError
from ._queue import put_back
from ._space import Space

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage

RETRIES = "convsweep:retries"
LOCK_GRACE = 3  # seconds


def default_name(job_name: str, space: Space) -> str:
    """Name a study after what it searches, so that the same command is the same study.

    A hash stands for the space and the fixed overrides in full.
    """
    keys = "-".join(name.split(".")[-1].split("/")[-1] for name in list(space.parameters)[:3])
    identity = json.dumps(
        [space.describe(), {n: repr(p.distribution) for n, p in space.parameters.items()}, space.fixed]
    )
    return "-".join(filter(None, [job_name, keys, hashlib.sha256(identity.encode()).hexdigest()[:6]]))


def quieten_optuna() -> None:
    """Silence what Optuna says of each study and of choices that are lists, in this process."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Lists and dicts do survive Optuna's storages, as JSON; the warning is meant for other objects.
    warnings.filterwarnings("ignore", message="Choices for a categorical distribution")


def is_local(storage: str | None) -> bool:
    """Whether only this machine (or those that share its files) can write to the storage."""
    return storage is None or "://" not in storage


def open_storage(storage: str | None, directory: Path) -> "BaseStorage":
    """Open a journal, by default the one in the study's folder, or a database.

    Raises:
        UserError: It cannot be opened; says why.
    """
    from optuna.exceptions import ExperimentalWarning
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

    try:
        if is_local(storage):
            path = Path(storage).absolute() if storage else directory / "journal.log"
            path.parent.mkdir(parents=True, exist_ok=True)
            # A worker killed while it writes leaves its lock; a write takes milliseconds, not Optuna's 30 s.
            lock = JournalFileSymlinkLock(str(path), grace_period=LOCK_GRACE)
            return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
        assert storage is not None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return RDBStorage(storage, heartbeat_interval=60)
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"`hydra.sweeper.storage` cannot be opened, got {storage or directory / 'journal.log'}: {reason}; "
            "expected a journal's path such as multirun/study/journal.log, "
            "or a database's address such as postgresql+psycopg://user@host/name"
        ) from error


def open_study(storage: "BaseStorage", name: str, directions: list[Any], space: Space, seed: int | None) -> "Study":
    """Create the study, or load it when it exists with the same space, fixed overrides and directions.

    Raises:
        UserError: It exists with others; lists the differences.
    """
    import optuna

    known = {study.study_name for study in storage.get_all_studies()}
    wanted = {"space": space.describe(), "fixed": sorted(space.fixed), "direction": list(directions)}
    study = (
        optuna.create_study(storage=storage, study_name=name, directions=list(directions), load_if_exists=True)
        if name not in known
        else optuna.load_study(storage=storage, study_name=name)
    )
    if name not in known:
        study.set_user_attr("convsweep", wanted)
        study.set_user_attr("seed", int.from_bytes(os.urandom(4), "little") if seed is None else seed)
        return study
    had = study.user_attrs.get("convsweep", wanted)
    problems = [
        f"  {what}: it has {json.dumps(had.get(what))}, now asked for {json.dumps(wanted[what])}"
        for what in wanted
        if had.get(what) != wanted[what]
    ]
    if seed is not None and study.user_attrs.get("seed", seed) != seed:
        problems.append(f"  seed: it has {study.user_attrs['seed']}, now asked for {seed}")
    if problems:
        raise UserError(
            [
                f"`hydra.sweeper.study_name`: the study {name} exists and is another one:",
                *problems,
                "  to take it up, repeat its command; for a new study, type another name: hydra.sweeper.study_name=...",
            ]
        )
    return study


def settle(study: "Study", max_retries: int | None = None) -> list[int]:
    """Let the trials wait again that dead workers left running; return their numbers.

    With `max_retries`, each time counts as one, and a trial that has had them all fails.
    Call it only while no worker of the study runs.
    """
    from optuna.trial import TrialState

    storage = study._storage
    settled = []
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        retries = trial.system_attrs.get(RETRIES, 0)
        if max_retries is not None and retries >= max_retries:
            reason = f"its worker died {retries + 1} times; the operating system may have been short of memory"
            study._storage.set_trial_user_attr(trial._trial_id, "error", reason)
            storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
        else:
            if max_retries is not None:
                storage.set_trial_system_attr(trial._trial_id, RETRIES, retries + 1)
            put_back(study, trial._trial_id)
        settled.append(trial.number)
    return settled
