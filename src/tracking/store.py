import functools
import logging
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

ROLE, STUDY, TRIAL, STATE = "convsweep.role", "convsweep.study", "convsweep.trial", "convsweep.state"
RECORD = "convsweep.record"  # on a trial's run: the one name under which all attempts at the trial record
MODEL_ID = "convsweep.model"  # on a run whose model is kept
PARENT_RUN = "mlflow.parentRunId"

# What MLflow calls the state of a trial. A waiting one was interrupted; its run is taken up when the trial is.
STATUS = {"COMPLETE": "FINISHED", "PRUNED": "KILLED", "FAIL": "FAILED", "WAITING": "KILLED"}

CONNECT_TIMEOUT = 5.0  # seconds

# MLflow would ask a silent server for minutes, and perhaps create a run twice. Here the outbox waits, and looks first.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # the terminal is the progress's


@dataclass(frozen=True)
class Store:
    """Where runs go: a client, the experiment's id, and the address to show."""

    client: "MlflowClient"
    experiment_id: str
    uri: str


def tracking_uri(uri: str | None) -> str:
    """Return the address of the MLflow store: `tracking.uri`, else $MLFLOW_TRACKING_URI, else ./mlflow.db."""
    return uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{Path('mlflow.db').absolute()}"


def unreachable(uri: str | None) -> str | None:
    """Say in one line that no server answers at `tracking.uri`, and what to do; None when one does.

    Takes `CONNECT_TIMEOUT` at most, and does not import MLflow. A database is not asked.
    """
    address = tracking_uri(uri)
    if not address.startswith(("http://", "https://")):
        return None
    import ssl
    import urllib.error
    import urllib.request

    try:
        urllib.request.urlopen(f"{address.rstrip('/')}/health", timeout=CONNECT_TIMEOUT).close()
    except urllib.error.HTTPError:
        return None  # somebody is there
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLError):
            return None  # MLflow has its own settings for certificates
        return (
            f"`tracking.uri`: no MLflow server answers at {address} ({reason}); start it, type another address, "
            "or tracking.uri=sqlite:///mlflow.db for a file here"
        )
    return None


def is_outage(error: Exception) -> bool:
    """Whether the same request may succeed later: nothing answered, or MLflow did not say that it is wrong."""
    from mlflow.exceptions import MlflowException

    if isinstance(error, MlflowException):
        return error.get_http_status_code() not in (400, 404)
    response = getattr(error, "response", None)  # that of an upload
    if response is not None:
        return response.status_code not in (400, 404, 413)
    # A RuntimeError: Python starts no more threads for an upload, since the process is ending.
    return isinstance(error, (OSError, RuntimeError)) and not isinstance(error, FileNotFoundError)


def open_store(experiment: str, uri: str | None) -> Store:
    """Open the store and the experiment, creating them when they are missing; once a process.

    Several processes must not create a database at once: the driver of a sweep comes first.
    """
    return _open(experiment, tracking_uri(uri))


@functools.cache
def _open(experiment: str, address: str) -> Store:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient

    # MLflow announces each step of making a database, in lines that no user has a use for. Its import sets the levels.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("urllib3").setLevel(logging.ERROR)

    client = MlflowClient(address)
    found = client.get_experiment_by_name(experiment)
    if found is not None:
        return Store(client, found.experiment_id, address)
    # The address as MLflow's own default spells it, but absolute: a worker's folder may be another.
    artifacts = Path("mlruns").absolute().as_uri() if address.startswith("sqlite:") else None
    return Store(client, client.create_experiment(experiment, artifact_location=artifacts), address)
