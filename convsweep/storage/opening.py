"""Opening a study's storage: a journal file, a database, or Optuna's gRPC proxy in front of one."""

import functools
import random
import re
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from convsweep.errors import UserError, install

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
from convsweep.storage.address import LIBPQ, connect_arguments, grpc_server, is_local, is_shared

HEARTBEAT = 30.0  # seconds, as `hydra.sweeper.heartbeat` has it
MAX_TRIES = 10  # at making the tables of a new database


def open_configured(config: DictConfig, directory: Path, wait: bool = False) -> "BaseStorage":
    """Open the storage of a sweep's config; see `open_storage`."""
    sweeper = config.hydra.sweeper
    heartbeat = sweeper.heartbeat if is_shared(config) else None
    return open_storage(sweeper.storage, directory, sweeper.storage_patience, heartbeat, wait)


def open_storage(
    storage: str | None, directory: Path, patience: float = 0.0, heartbeat: float | None = None, wait: bool = False
) -> "BaseStorage":
    """Open a journal, by default the one in the study's folder, or a database.

    Args:
        storage: As in `hydra.sweeper.storage`.
        directory: The study's folder.
        patience: Seconds for which a call to a database waits that does not answer.
        heartbeat: Seconds between two signs of life of a trial that is taken here; None in a file of one driver.
        wait: Whether to be patient with the opening, too: its address has worked before.

    Raises:
        UserError: It cannot be opened; says why.
    """
    from optuna.storages import JournalStorage

    from convsweep.storage.journal import Journal
    from convsweep.storage.shared_storage import SharedStorage

    try:
        if storage is None or "://" not in storage:
            path = Path(storage).absolute() if storage else directory / "journal.log"
            path.parent.mkdir(parents=True, exist_ok=True)
            make = functools.partial(lambda: JournalStorage(Journal(str(path))))
        else:
            make = functools.partial(_open_address, storage)
        if heartbeat is None and is_local(storage):
            return make()
        return SharedStorage(make, patience, heartbeat or HEARTBEAT, wait)  # pyright: ignore[reportAbstractUsage]
    except UserError:
        raise
    except Exception as error:
        raise _unopened(storage or directory / "journal.log", error) from error


# What to do about an address that cannot be opened, by its beginning.
HINTS = {
    "grpc": "start the proxy there, or type another grpc://host:port",
    "postgresql": "start it, say where it is (PGHOST, PGPORT, PGUSER, PGDATABASE), or type an address such as "
    "postgresql+psycopg://user@host/name",
    "mysql": "start it, or type an address such as mysql+pymysql://user@host/name",
}

# What to install for a module that an address needs, where its package has another name.
PACKAGES = {
    "psycopg": ["psycopg[binary]"],
    "psycopg2": ["psycopg2-binary"],
    "MySQLdb": ["mysqlclient"],
    "grpc": ["grpcio", "protobuf"],
    "google": ["grpcio", "protobuf"],
}


def _unopened(storage: str | Path, error: Exception) -> UserError:
    if module := _missing(error):
        packages = install(*PACKAGES.get(module, [module]))
        return UserError(f"`hydra.sweeper.storage` {storage} needs the package {module}; type {packages}")
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    hint = HINTS.get(
        re.split(r"[+:]", str(storage))[0],
        "expected a journal's path such as multirun/study/journal.log, or a database's address such as "
        "postgresql+psycopg://user@host/name",
    )
    return UserError(f"`hydra.sweeper.storage` cannot be opened, got {storage}: {reason}; {hint}")


def _missing(error: BaseException | None) -> str | None:
    """Return the module whose import failed, at the beginning of a chain of errors."""
    if isinstance(error, ImportError) and "pq wrapper" in str(error):
        return "psycopg"  # is there, but no libpq
    if isinstance(error, ModuleNotFoundError) and error.name:
        return error.name.partition(".")[0]
    return _missing(error.__cause__ or error.__context__) if error is not None else None


def _open_address(storage: str) -> "BaseStorage":
    from optuna.exceptions import ExperimentalWarning
    from optuna.storages import GrpcStorageProxy, get_storage
    from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

    from convsweep.storage.database import Database

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        if storage.startswith("grpc://"):
            host, port = grpc_server(storage)
            proxy = GrpcStorageProxy(host=host, port=port)
            proxy.wait_server_ready(timeout=LIBPQ["connect_timeout"])
            return proxy
        arguments = {"connect_args": connect_arguments(storage)}
        tries = 0
        while True:
            try:
                return get_storage(Database(storage, arguments))
            except (IntegrityError, ProgrammingError, OperationalError) as error:
                # Of several that make a new database's tables at the same time all but one fail.
                made = not isinstance(error, OperationalError) or "already exists" in str(error)
                tries += 1
                if tries == MAX_TRIES or not made:
                    raise
            time.sleep(random.uniform(0.2, 1))
