import contextlib
import fcntl
import functools
import logging
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from src.process import lasting
from src.tracking.address import Address
from src.tracking.asking import KIND, TRAINING, deleted, unknown_id
from src.tracking.moved import FILES, follow
from src.tracking.tables import make_tables

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

ROLE, STUDY, TRIAL, STATE = "convsweep.role", "convsweep.study", "convsweep.trial", "convsweep.state"
RECORD = "convsweep.record"  # on a trial's run: the one name under which all attempts at the trial record
DRIVER = "convsweep.driver."  # with a driver's id, on the study's run below which that driver's trials go
MODEL_ID = "convsweep.model"  # on a run whose model is kept
PARENT_RUN = "mlflow.parentRunId"
RUN_NAME = "mlflow.runName"
NOTE = "mlflow.note.content"  # the description that a run's page shows

FOREIGN = re.compile(r"[/:.%\"'\s]+")  # what MLflow does not take in the name of a model

# What MLflow calls the state of a trial. A waiting one was interrupted; its run is taken up when the trial is.
STATUS = {"COMPLETE": "FINISHED", "PRUNED": "KILLED", "FAIL": "FAILED", "WAITING": "KILLED"}

# MLflow would ask a silent server for minutes, and perhaps create a run twice. Here the outbox waits, and looks first.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # the terminal is the progress's


class Refused(Exception):
    """MLflow will never take it from this process; the message says why, and what to do."""


@dataclass(frozen=True)
class Store:
    """Where runs go: a client, the experiment's id, and the address."""

    client: "MlflowClient"
    experiment_id: str
    address: Address

    @property
    def uri(self) -> str:
        return self.address.uri


def model_name(tags: Mapping[str, str], run_name: str) -> str:
    """Return how MLflow is to list the model of a run: by its study, and by its trial, whose name a run has."""
    study = tags.get(STUDY)
    return as_model_name(f"{study}-{run_name}" if study else run_name)


def as_model_name(text: str) -> str:
    """Return a text as MLflow takes it in the name of a model."""
    return FOREIGN.sub("-", text).strip("-") or "model"


def is_outage(error: Exception) -> bool:
    """Whether the same request may succeed later: nothing answered, or MLflow did not say that it is wrong."""
    from mlflow.exceptions import MlflowException

    if isinstance(error, Refused):
        return False
    if isinstance(error, MlflowException):
        return error.get_http_status_code() not in (400, 404)
    response = getattr(error, "response", None)  # that of an upload
    if response is not None:
        return response.status_code not in (400, 404, 413)
    # A RuntimeError: Python starts no more threads for an upload, since the process is ending.
    return isinstance(error, (OSError, RuntimeError)) and not isinstance(error, FileNotFoundError)


def open_store(experiment: str | None, uri: str | None) -> Store:
    """Open the store and the experiment, creating them when they are missing; once a process.

    Raises:
        Refused: It cannot be used as it is.
        Exception: It cannot be reached.
    """
    return open_address(Address.of(experiment, uri))


@functools.cache
def open_address(address: Address) -> Store:
    """Do as `open_store`."""
    with warnings.catch_warnings(), lasting():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        if address.database is not None:  # else the client would
            import_module("mlflow.store.tracking.sqlalchemy_store")

    # MLflow announces each step of making a database, in lines that no user has a use for. Its import sets the levels.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("urllib3").setLevel(logging.ERROR)

    try:
        with _one_at_a_time(address.database):
            make_tables(address.database)
            follow(address.database)
            client = MlflowClient(address.uri)
            found = _find(client, address) or _create(client, address)
    except MlflowException as error:
        if is_outage(error) and error.get_http_status_code() not in (401, 403):
            raise
        raise Refused(f"`tracking.uri`: MLflow at {address.uri} refuses: {_first_line(error)}") from error
    if found.lifecycle_stage == "deleted":
        raise Refused(deleted(address, found.experiment_id))
    if KIND not in found.tags:
        with contextlib.suppress(MlflowException):  # who may not does without
            client.set_experiment_tag(found.experiment_id, KIND, TRAINING)
    return Store(client, found.experiment_id, address)


def _find(client: "MlflowClient", address: Address) -> "Experiment | None":
    from mlflow.exceptions import MlflowException

    if not address.by_id:
        return client.get_experiment_by_name(address.experiment)
    try:
        return client.get_experiment(address.experiment)
    except MlflowException as error:
        if is_outage(error):
            raise
        raise Refused(unknown_id(address)) from error


def _create(client: "MlflowClient", address: Address) -> "Experiment":
    from mlflow.exceptions import MlflowException

    # The address as MLflow's own default spells it, but absolute: a worker's folder may be another.
    file = address.database
    artifacts = (file.parent / FILES).as_uri() if file is not None else None
    try:
        return client.get_experiment(client.create_experiment(address.experiment, artifact_location=artifacts))
    except MlflowException:
        if (found := client.get_experiment_by_name(address.experiment)) is not None:
            return found  # somebody was quicker
        raise


@contextlib.contextmanager
def _one_at_a_time(database: Path | None) -> Iterator[None]:
    """Keep processes from making the tables of one SQLite database together, which all but one would not survive."""
    if database is None:
        yield
        return
    folder = os.open(database.parent, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
