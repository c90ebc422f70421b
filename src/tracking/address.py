"""Where a record is to go: a store, and an experiment in it."""

import os
import re
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from urllib.parse import unquote, urlsplit

from src.config import DEFAULT_EXPERIMENT

SQLITE = "sqlite:///"
HERE = "tracking.uri=sqlite:///mlflow.db for a file here"
SCHEMES = ("databricks", "databricks-uc", "file", "http", "https", "mssql", "mysql", "postgresql", "sqlite", "uc")
HOST = re.compile(r"[\w.-]+:\d+/?")


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


def local(address: str) -> Path | None:
    """Return the path that an artifact address means; None where it is no file."""
    parts = urlsplit(address)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(address) if not parts.scheme else None


def is_local_folder(uri: str) -> bool:
    """Whether an address is MLflow's old kind of store, a folder of files."""
    return urlsplit(uri).scheme in ("", "file") and uri != "databricks"


def find_problem_of_scheme(uri: str) -> str | None:
    """Say in one line that MLflow has no store for such an address; None when it has one.

    An address that may hold a password is not repeated.
    """
    if HOST.fullmatch(uri):
        return f"`tracking.uri` must begin with http:// or https://, got {uri}; type tracking.uri=http://{uri}"
    parts = urlsplit(uri)
    scheme = parts.scheme.partition("+")[0]
    if scheme == "sqlite" and parts.netloc:
        return f"`tracking.uri` must have three slashes before a file here, got {uri}; type {HERE}"
    known = {*SCHEMES, *(plugin.name for plugin in entry_points(group="mlflow.tracking_store"))}
    if not scheme or scheme in known:
        return None
    meant = get_close_matches(scheme, sorted(known), 1)
    return f"`tracking.uri` must begin with one of {', '.join(sorted(known))}, got {scheme}; type {HERE}" + (
        f"; did you mean {meant[0]}?" if meant else ""
    )
