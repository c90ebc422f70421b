"""Where a study is kept: a journal file, or a database."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from ._errors import UserError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage


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

    from ._journal import Journal

    try:
        if is_local(storage):
            path = Path(storage).absolute() if storage else directory / "journal.log"
            path.parent.mkdir(parents=True, exist_ok=True)
            return JournalStorage(Journal(str(path)))
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
