"""Where a study is kept: a journal file, a database, or Optuna's gRPC proxy in front of one."""

import functools
import os
import random
import re
import threading
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from ._errors import UserError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

HEARTBEAT = 30.0  # seconds, as `hydra.sweeper.heartbeat` has it
PASSWORD = "CONVSWEEP_STORAGE_PASSWORD"  # the environment's word for a database that has none of its own

# A network that swallows packets is to be noticed, too: seconds, and milliseconds (libpq's own words).
LIBPQ = {"connect_timeout": 10, "tcp_user_timeout": 30_000}

giving_up = threading.Event()  # set when the user wants this process to end at once: nobody waits for a storage

MAX_TRIES = 10  # at making the tables of a new database


def is_local(storage: str | None) -> bool:
    """Whether only one driver at a time can use the storage: a file of this machine, or of those that share it."""
    return storage is None or "://" not in storage or storage.startswith("sqlite")


def lock_files(storage: str | None, directory: Path, name: str) -> list[Path]:
    """Return what the one driver of a study holds: in its folder, and beside a file that others may name, too."""
    if not is_local(storage):
        return []
    locks = [directory / "driver.lock"]
    file = (storage or "").removeprefix("sqlite:///")
    if file and "://" not in file and ":memory:" not in file:
        Path(file).absolute().parent.mkdir(parents=True, exist_ok=True)
        locks.append(Path(f"{Path(file).absolute()}.{name}.lock"))
    return locks


def is_shared(config: DictConfig) -> bool:
    """Whether others than one driver and its own children take the study's trials.

    Other drivers do in a database, and a cluster's workers may outlive theirs.
    """
    own = config.hydra.launcher._target_.rpartition(".")[2] in ("JoblibLauncher", "BasicLauncher")
    return not (own and is_local(config.hydra.sweeper.storage))


def check_storage(storage: str | None) -> list[str]:
    """Return what is wrong with `hydra.sweeper.storage`, as far as its text tells."""
    if storage is None or "://" not in storage:
        return []
    if storage.startswith("grpc://"):
        try:
            _grpc_server(storage)
        except ValueError:
            return [
                f"`hydra.sweeper.storage` must be grpc://host:port, got {storage}; type e.g. grpc://localhost:13000"
            ]
        return []
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(storage)
    except ArgumentError:
        return []  # its opening says what is wrong with it
    if url.password is None and "password" not in url.query:
        return []
    harmless = url._replace(password=None).difference_update_query(["password"]).render_as_string()
    return [
        f"`hydra.sweeper.storage` must not hold a password, which would end in files, logs and process lists; type "
        f"{harmless}, and give the password in the environment (PGPASSWORD, or {PASSWORD}) or in a file (~/.pgpass)"
    ]


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

    from ._journal import Journal
    from ._shared import Shared

    try:
        if storage is None or "://" not in storage:
            path = Path(storage).absolute() if storage else directory / "journal.log"
            path.parent.mkdir(parents=True, exist_ok=True)
            make = functools.partial(lambda: JournalStorage(Journal(str(path))))
        else:
            make = functools.partial(_open_address, storage)
        if heartbeat is None and is_local(storage):
            return make()
        return Shared(make, patience, heartbeat or HEARTBEAT, wait)  # pyright: ignore[reportAbstractUsage]
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


def _unopened(storage: str | Path, error: Exception) -> UserError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    hint = HINTS.get(
        re.split(r"[+:]", str(storage))[0],
        "expected a journal's path such as multirun/study/journal.log, or a database's address such as "
        "postgresql+psycopg://user@host/name",
    )
    return UserError(f"`hydra.sweeper.storage` cannot be opened, got {storage}: {reason}; {hint}")


def serve(storage: str, host: str, port: int) -> None:
    """Run Optuna's gRPC proxy in front of a database, until a signal ends it.

    Raises:
        UserError: The database cannot be opened, the port is taken, or a package is missing.
    """
    from optuna.exceptions import ExperimentalWarning
    from optuna.storages import run_grpc_proxy_server

    if problems := check_storage(storage):
        raise UserError(problems)
    if is_local(storage) or storage.startswith("grpc://"):
        raise UserError(f"expected a database's address such as postgresql+psycopg://user@host/name, got {storage}")
    try:
        opened = _open_address(storage)
    except Exception as error:
        raise _unopened(storage, error) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        try:
            print(f"serving {storage} at grpc://{host}:{port}; Ctrl-C ends it", flush=True)
            run_grpc_proxy_server(opened, host=host, port=port)
        except ImportError as error:
            raise UserError("the proxy needs a package: pip install 'convsweep[grpc]'") from error
        except RuntimeError as error:  # gRPC's own
            raise UserError(f"the proxy cannot listen at {host}:{port}: {error}; type another --port") from error


def _open_address(storage: str) -> "BaseStorage":
    from optuna.exceptions import ExperimentalWarning
    from optuna.storages import GrpcStorageProxy, get_storage
    from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

    from ._database import Database

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        if storage.startswith("grpc://"):
            host, port = _grpc_server(storage)
            proxy = GrpcStorageProxy(host=host, port=port)
            proxy.wait_server_ready(timeout=LIBPQ["connect_timeout"])
            return proxy
        arguments = {"connect_args": _connect_arguments(storage)}
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


def _grpc_server(storage: str) -> tuple[str, int]:
    host, _, port = storage.removeprefix("grpc://").rstrip("/").rpartition(":")
    if not host:
        raise ValueError(storage)
    return host, int(port)


def _connect_arguments(storage: str) -> dict[str, Any]:
    from sqlalchemy.engine import make_url

    url = make_url(storage)
    arguments: dict[str, Any] = {}
    if url.get_backend_name() == "postgresql" and "psycopg" in url.get_driver_name():
        arguments |= {name: value for name, value in LIBPQ.items() if name not in url.query}
    if PASSWORD in os.environ and url.get_backend_name() != "sqlite":
        arguments["password"] = os.environ[PASSWORD]
    return arguments
