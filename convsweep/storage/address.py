"""What the address of a storage says: who shares it, what is wrong with it, how it is connected to."""

import os
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

if TYPE_CHECKING:
    pass

PASSWORD = "CONVSWEEP_STORAGE_PASSWORD"  # the environment's word for a database that has none of its own
# A network that swallows packets is to be noticed, too: seconds, and milliseconds (libpq's own words).
LIBPQ = {"connect_timeout": 10, "tcp_user_timeout": 30_000}


def is_local(storage: str | None) -> bool:
    """Whether only one driver at a time can use the storage: a file of this machine, or of those that share it."""
    return storage is None or "://" not in storage or storage.startswith("sqlite")


def is_shared(config: DictConfig) -> bool:
    """Whether others than one driver and its own children take the study's trials.

    Other drivers do in a database, and a cluster's workers may outlive theirs.
    """
    return not (runs_here(config) and is_local(config.hydra.sweeper.storage))


def runs_here(config: DictConfig) -> bool:
    """Whether a driver's workers are processes of its own machine, and no jobs of an engine's elsewhere."""
    return config.hydra.launcher._target_.rpartition(".")[2] in ("JoblibLauncher", "BasicLauncher")


def check_storage(storage: str | None) -> list[str]:
    """Return what is wrong with `hydra.sweeper.storage`, as far as its text tells."""
    if storage is None or "://" not in storage:
        return []
    if storage.startswith("grpc://"):
        try:
            grpc_server(storage)
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


def grpc_server(storage: str) -> tuple[str, int]:
    host, _, port = storage.removeprefix("grpc://").rstrip("/").rpartition(":")
    if not host:
        raise ValueError(storage)
    return host, int(port)


def connect_arguments(storage: str) -> dict[str, Any]:
    from sqlalchemy.engine import make_url

    url = make_url(storage)
    arguments: dict[str, Any] = {}
    if url.get_backend_name() == "postgresql" and "psycopg" in url.get_driver_name():
        arguments |= {name: value for name, value in LIBPQ.items() if name not in url.query}
    if PASSWORD in os.environ and url.get_backend_name() != "sqlite":
        arguments["password"] = os.environ[PASSWORD]
    return arguments
