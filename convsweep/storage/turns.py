"""The short moments in which a study's workers, wherever they run, must see each other: one after the other."""

import contextlib
import fcntl
import hashlib
import random
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage

# Nobody waits longer, in seconds: what the turn keeps in order is not worth a sweep that stands still because a worker
# hangs in the middle of its turn. One that is dead holds up nobody, but behind a proxy, where only its silence shows.
PATIENCE, SILENCE = 30.0, 5.0
POLL = 0.0005, 0.005  # seconds between two tries, from and to; ten times as long behind a proxy


def in_turn(study: "Study") -> AbstractContextManager[None]:
    """Let one worker of the study at a time do what is inside, which must be short; it is not reentrant.

    A journal has the kernel's lock on a file beside it, a database its own lock for a transaction or a connection:
    both are free as soon as their holder is dead. In memory there is one worker.
    """
    from convsweep.storage.journal import Journal
    from convsweep.storage.shared_storage import SharedStorage

    storage: Any = study._storage
    if isinstance(storage, SharedStorage):
        storage = storage._storage
    backend = getattr(storage, "_backend", None)
    if isinstance(backend, Journal):
        return _file_turn(f"{backend._file_path}.turn")
    if hasattr(backend, "engine"):
        return _database_turn(backend.engine, study.study_name)  # pyright: ignore[reportOptionalMemberAccess]
    if type(storage).__name__ == "GrpcStorageProxy":
        return _proxy_turn(study._storage, f"{study.study_name}:turn")
    return nullcontext()


@contextlib.contextmanager
def _file_turn(path: str) -> Iterator[None]:
    from convsweep.storage.journal import NO_FLOCK

    deadline = time.monotonic() + PATIENCE
    with open(path, "ab") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                # A file system without such locks: there two workers may, rarely, act in the same moment.
                if error.errno in NO_FLOCK or time.monotonic() > deadline:
                    break
            time.sleep(random.uniform(*POLL))
        yield


@contextlib.contextmanager
def _database_turn(engine: Any, name: str) -> Iterator[None]:
    from sqlalchemy.exc import SQLAlchemyError

    if engine.dialect.name == "sqlite":  # which has one worker
        yield
        return
    with contextlib.ExitStack() as held:
        # Without an answer the turn is not worth the wait: what is done inside is patient by itself.
        with contextlib.suppress(SQLAlchemyError):
            connection = held.enter_context(engine.connect())
            key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little", signed=True)
            _lock(connection, key)
            held.callback(_unlock, connection, key)
        yield


def _lock(connection: Any, key: int) -> None:
    from sqlalchemy import text

    if connection.dialect.name == "postgresql":  # until the end of the transaction
        connection.execute(text(f"SET LOCAL lock_timeout = {round(1000 * PATIENCE)}"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
    else:
        connection.execute(text("SELECT GET_LOCK(:key, :patience)"), {"key": f"convsweep:{key}", "patience": PATIENCE})


def _unlock(connection: Any, key: int) -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    try:
        if connection.dialect.name != "postgresql":
            connection.execute(text("SELECT RELEASE_LOCK(:key)"), {"key": f"convsweep:{key}"})
        connection.rollback()
    except SQLAlchemyError:
        connection.invalidate()  # closed, it holds nothing


@contextlib.contextmanager
def _proxy_turn(storage: "BaseStorage", lock: str) -> Iterator[None]:
    """Take a turn by making a study of that name: storages make it for exactly one of those that try."""
    from optuna.exceptions import DuplicatedStudyError
    from optuna.study import StudyDirection

    began = since = time.monotonic()
    seen = held = None
    while held is None and (now := time.monotonic()) - began < PATIENCE:
        with contextlib.suppress(DuplicatedStudyError):
            held = storage.create_new_study([StudyDirection.MINIMIZE], lock)
            break
        time.sleep(10 * random.uniform(*POLL))
        with contextlib.suppress(KeyError):
            holder = storage.get_study_id_from_name(lock)
            if holder != seen:
                seen, since = holder, now
            elif now - since > SILENCE:
                storage.delete_study(holder)
    try:
        yield
    finally:
        if held is not None:
            with contextlib.suppress(KeyError):
                storage.delete_study(held)
