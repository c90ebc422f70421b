"""Where a record is to go: a store, and an experiment in it."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from src.config import DEFAULT_EXPERIMENT

SQLITE = "sqlite:///"


@dataclass(frozen=True)
class Address:
    """A place in MLflow, which each record carries along, so that it goes there whoever delivers it.

    Attributes:
        uri: Of the server or the database; a file's path is absolute.
        experiment: The experiment's name, or its id.
        by_id: Whether it is the id.
    """

    uri: str
    experiment: str
    by_id: bool = False

    @classmethod
    def of(cls, experiment: str | None, uri: str | None) -> "Address":
        """Return the address that `tracking.experiment` and `tracking.uri` mean, in MLflow's environment and here."""
        number = os.environ.get("MLFLOW_EXPERIMENT_ID")
        if experiment is None and number:
            return cls(tracking_uri(uri), number, by_id=True)
        return cls(tracking_uri(uri), experiment or DEFAULT_EXPERIMENT)

    @property
    def key(self) -> str:
        """What a user types, or sets, to have another experiment."""
        return "MLFLOW_EXPERIMENT_ID" if self.by_id else "tracking.experiment"

    @property
    def is_server(self) -> bool:
        return self.uri.startswith(("http://", "https://"))

    @property
    def database(self) -> Path | None:
        """The file of an SQLite database; None for everything else."""
        path = self.uri.removeprefix(SQLITE).partition("?")[0]
        return Path(path) if self.uri.startswith(SQLITE) and path and path != ":memory:" else None

    def __str__(self) -> str:
        return f"experiment {self.experiment} at {self.uri}"


def tracking_uri(uri: str | None) -> str:
    """Return the address of the MLflow store: `tracking.uri`, else $MLFLOW_TRACKING_URI, else ./mlflow.db."""
    found = uri or os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}mlflow.db"
    path = found.removeprefix(SQLITE)
    if not found.startswith(SQLITE) or not path or path.startswith((":memory:", "/")):
        return found
    return SQLITE + os.path.abspath(path)  # a worker's folder may be another


def is_local_folder(uri: str) -> bool:
    """Whether an address is MLflow's old kind of store, a folder of files."""
    return urlsplit(uri).scheme in ("", "file") and uri != "databricks"
