"""A sweep that is not the study that it finds: what is said, and what to type instead."""

import os
from typing import TYPE_CHECKING

from convsweep.driver.sweep import Sweep
from convsweep.errors import UserError, printable

if TYPE_CHECKING:
    from optuna.storages import BaseStorage


def keep_apart(storage: "BaseStorage", sweep: Sweep) -> None:
    """Refuse a new study in another one's folder: its trials would go on from that one's checkpoints.

    Raises:
        UserError: The folder's journal holds another study, and not this one.
    """
    known = [study.study_name for study in storage.get_all_studies() if not study.study_name.endswith(":lock")]
    if known and sweep.name not in known:
        raise UserError(
            f"`hydra.sweep.dir` must be a folder of the study's own, got {os.path.relpath(sweep.directory)}, where "
            f"{printable(known[0])} keeps its trials' files; type "
            "hydra.sweep.dir='multirun/${hydra.sweeper.study_name}'"
        )


def which_study(name: str, changes: list[str]) -> list[str]:
    """Return what a study has otherwise than it is asked for, and the ways to go on."""
    return [
        f"`hydra.sweeper.study_name`: the study {name} exists, and its command was another one:",
        *(f"  {line}" for line in changes),
        "  to take it up as it was, repeat its command; to go on as now asked, type hydra.sweeper.on_change=continue; "
        "for a new study beside it, type hydra.sweeper.on_change=new",
    ]
