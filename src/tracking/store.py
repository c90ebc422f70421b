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
MODEL_ID = "convsweep.model"  # on a run whose model is kept


@dataclass(frozen=True)
class Store:
    """Where runs go: a client, the experiment's id, and the address to show."""

    client: "MlflowClient"
    experiment_id: str
    uri: str


def tracking_uri(uri: str | None) -> str:
    """Return the address of the MLflow store: `tracking.uri`, else $MLFLOW_TRACKING_URI, else ./mlflow.db."""
    return uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{Path('mlflow.db').absolute()}"


def open_store(experiment: str, uri: str | None) -> Store:
    """Open the store and the experiment, creating them when they are missing; once a process.

    Several processes must not create a database at once: the driver of a sweep comes first.
    """
    return _open(experiment, tracking_uri(uri))


@functools.cache
def _open(experiment: str, address: str) -> Store:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow
        from mlflow import MlflowClient

    # MLflow announces each step of making a database, in lines that no user has a use for. Its import sets the levels.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.WARNING)

    mlflow.set_tracking_uri(address)
    client = MlflowClient()
    found = client.get_experiment_by_name(experiment)
    if found is not None:
        return Store(client, found.experiment_id, address)
    # The address as MLflow's own default spells it, but absolute: a worker's folder may be another.
    artifacts = Path("mlruns").absolute().as_uri() if address.startswith("sqlite:") else None
    return Store(client, client.create_experiment(experiment, artifact_location=artifacts), address)
