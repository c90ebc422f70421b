"""Finding what MLflow holds, by a study's, a run's or a registered model's name.

An SQLite database, the usual store, is asked without MLflow, whose import takes seconds; everything else with it.
Nothing is changed or made.
"""

import contextlib
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

from src.tracking.address import Address, find_problem_of_scheme
from src.tracking.asking import unreachable
from src.tracking.store import MODEL_ID, PARENT_RUN, ROLE, STUDY, TRIAL

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION = "champion"  # the alias of the version of a registered model that is to be used


class NotHere(Exception):
    """There is no such store, or not what it should hold; the message says what to do."""


@dataclass(frozen=True)
class Run:
    """A run that is not deleted.

    Attributes:
        run_id: Its id.
        experiment_id: That of its experiment.
        artifacts: The address of its artifacts.
        tags: Its tags.
        metrics: The last value of each of its metrics.
    """

    run_id: str
    experiment_id: str
    artifacts: str
    tags: Mapping[str, str]
    metrics: Mapping[str, float]

    @property
    def study(self) -> str | None:
        return self.tags.get(STUDY)

    @property
    def trial(self) -> int | None:
        """The number of the trial that it is the run of."""
        number = self.tags.get(TRIAL, "")
        return int(number) if number.isdigit() and self.tags.get(ROLE) == "trial" else None

    @property
    def parent(self) -> str | None:
        """The id of its study's run."""
        return self.tags.get(PARENT_RUN)

    @property
    def is_study(self) -> bool:
        return self.tags.get(ROLE) == "study"

    @property
    def model_id(self) -> str | None:
        """The id of its kept model."""
        return self.tags.get(MODEL_ID) or None


@dataclass(frozen=True)
class Version:
    """A version of a registered model; `source` is the address of its files."""

    name: str
    version: str
    source: str
    run_id: str | None
    aliases: tuple[str, ...] = ()


class Lookup(Protocol):
    """What can be asked of a store."""

    def studies(self) -> list[str]:
        """Return the names of the studies that have runs."""
        ...

    def runs(self, study: str) -> list[Run]:
        """Return a study's runs, its own and those of its trials, the latest first."""
        ...

    def run(self, run_id: str) -> Run | None:
        """Return a run; None if there is none, or a deleted one."""
        ...

    def location(self, model_id: str) -> str | None:
        """Return the address of a logged model's files; None if there is none, or a deleted one."""
        ...

    def versions(self) -> list[Version]:
        """Return all versions of all registered models, the latest first."""
        ...

    def history(self, run_id: str, metric: str) -> dict[int, float]:
        """Return a metric's value by step."""
        ...

    def fetch(self, address: str, path: str = "") -> Path:
        """Return where a file or folder of an artifact address is on this machine, after a download if need be.

        Raises:
            NotHere: It is not there.
        """
        ...


def look_up(uri: str | None) -> Lookup:
    """Return what to ask about the store of `tracking.uri`, else of $MLFLOW_TRACKING_URI, else ./mlflow.db.

    Raises:
        NotHere: There is none, or it does not answer.
    """
    address = Address.of(None, uri)
    file = address.database
    if file is not None and not (file.exists() and file.stat().st_size):
        raise NotHere(
            f"{file} is not there: nothing is recorded here yet; train first, e.g. python -m src.sweep, go to the "
            "folder where that was typed, or name the store with --uri"
        )
    if file is not None:
        return Database(file)
    if problem := unreachable(address.uri) or find_problem_of_scheme(address.uri):
        raise NotHere(problem)
    return Client(address.uri)


def local(address: str) -> Path | None:
    """Return the path that an artifact address means; None where it is no file."""
    parts = urlsplit(address)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(address) if not parts.scheme else None


class Database:
    """An SQLite database."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def _ask(self, query: str, *values: Any) -> list[sqlite3.Row]:
        try:
            with contextlib.closing(sqlite3.connect(f"{self._file.absolute().as_uri()}?mode=ro", uri=True)) as database:
                database.row_factory = sqlite3.Row
                return database.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise NotHere(f"{self._file} cannot be read as a database of MLflow's ({error})") from error

    def studies(self) -> list[str]:
        query = (
            "SELECT value, MAX(start_time) FROM tags JOIN runs USING (run_uuid) "
            "WHERE key = ? AND lifecycle_stage = 'active' GROUP BY value ORDER BY 2 DESC"
        )
        return [row[0] for row in self._ask(query, STUDY)]

    def runs(self, study: str) -> list[Run]:
        ids = (
            "SELECT run_uuid FROM runs JOIN tags USING (run_uuid) "
            "WHERE key = ? AND value = ? AND lifecycle_stage = 'active'"
        )
        return self._runs(ids, STUDY, study)

    def run(self, run_id: str) -> Run | None:
        found = self._runs("SELECT run_uuid FROM runs WHERE run_uuid = ? AND lifecycle_stage = 'active'", run_id)
        return found[0] if found else None

    def _runs(self, ids: str, *values: Any) -> list[Run]:
        where = f"WHERE run_uuid IN ({ids})"
        tags: dict[str, dict[str, str]] = {}
        for row in self._ask(f"SELECT run_uuid, key, value FROM tags {where}", *values):
            tags.setdefault(row["run_uuid"], {})[row["key"]] = row["value"]
        metrics: dict[str, dict[str, float]] = {}
        for row in self._ask(f"SELECT run_uuid, key, value FROM latest_metrics {where} AND is_nan = 0", *values):
            metrics.setdefault(row["run_uuid"], {})[row["key"]] = row["value"]
        query = f"SELECT run_uuid, experiment_id, artifact_uri FROM runs {where} ORDER BY start_time DESC"
        return [
            Run(key, str(row["experiment_id"]), row["artifact_uri"], tags.get(key, {}), metrics.get(key, {}))
            for row in self._ask(query, *values)
            for key in [row["run_uuid"]]
        ]

    def location(self, model_id: str) -> str | None:
        query = "SELECT artifact_location FROM logged_models WHERE model_id = ? AND lifecycle_stage = 'active'"
        return next((row[0] for row in self._ask(query, model_id)), None)

    def versions(self) -> list[Version]:
        aliases: dict[tuple[str, int], list[str]] = {}
        for row in self._ask("SELECT name, version, alias FROM registered_model_aliases"):
            aliases.setdefault((row["name"], row["version"]), []).append(row["alias"])
        query = (
            "SELECT name, version, source, storage_location, run_id FROM model_versions "
            "WHERE current_stage != 'Deleted_Internal' ORDER BY creation_time DESC, version DESC"
        )
        return [
            Version(
                row["name"],
                str(row["version"]),
                row["storage_location"] or row["source"],
                row["run_id"],
                tuple(aliases.get((row["name"], row["version"]), ())),
            )
            for row in self._ask(query)
        ]

    def history(self, run_id: str, metric: str) -> dict[int, float]:
        query = "SELECT step, value FROM metrics WHERE run_uuid = ? AND key = ? AND is_nan = 0 ORDER BY timestamp, step"
        return {row["step"]: row["value"] for row in self._ask(query, run_id, metric)}

    def fetch(self, address: str, path: str = "") -> Path:
        place = local(address)
        if place is None:
            return _download(f"sqlite:///{self._file}", address, path)
        if not (place / path).exists() and "mlruns" in place.parts:  # the folder of the database was moved
            tail = place.parts[place.parts.index("mlruns") :]
            place = self._file.parent.joinpath(*tail)
        if not (place / path).exists():
            raise NotHere(f"{place / path if path else place} is not there: it has been deleted, or moved")
        return place / path


class Client:
    """Any other store."""

    def __init__(self, uri: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from mlflow import MlflowClient

        self._uri = uri
        self._client = MlflowClient(uri)

    def studies(self) -> list[str]:
        return list(dict.fromkeys(run.study for run in self._runs(f"tags.`{STUDY}` != ''") if run.study))

    def runs(self, study: str) -> list[Run]:
        quoted = f"'{study}'" if "'" not in study else f'"{study}"'
        return list(self._runs(f"tags.`{STUDY}` = {quoted}"))

    def _runs(self, where: str) -> Iterator[Run]:
        with _told():
            experiments = [experiment.experiment_id for experiment in self._client.search_experiments()]
            token: str | None = None
            while token != "":
                page = self._client.search_runs(
                    experiments, where, max_results=1000, page_token=token, order_by=["attributes.start_time DESC"]
                )
                token = page.token or ""
                yield from map(_as_run, page)

    def run(self, run_id: str) -> Run | None:
        found = _or_none(self._client, "get_run", run_id)
        return None if found is None or found.info.lifecycle_stage != "active" else _as_run(found)

    def location(self, model_id: str) -> str | None:
        found = _or_none(self._client, "get_logged_model", model_id)
        return None if found is None else found.artifact_location

    def versions(self) -> list[Version]:
        with _told():
            found = self._client.search_model_versions(max_results=10_000)
            aliases: dict[tuple[str, str], list[str]] = {}
            for model in self._client.search_registered_models(max_results=1000):
                for alias, version in model.aliases.items():
                    aliases.setdefault((model.name, str(version)), []).append(alias)
            found = sorted(found, key=lambda version: -version.creation_timestamp)
            return [
                Version(
                    version.name,
                    str(version.version),
                    self._client.get_model_version_download_uri(version.name, version.version),
                    version.run_id or None,
                    tuple(aliases.get((version.name, str(version.version)), ())),
                )
                for version in found
            ]

    def history(self, run_id: str, metric: str) -> dict[int, float]:
        with _told():
            return {point.step: point.value for point in self._client.get_metric_history(run_id, metric)}

    def fetch(self, address: str, path: str = "") -> Path:
        place = local(address)
        if place is not None and (place / path).exists():
            return place / path
        return _download(self._uri, address, path)


def _as_run(run: Any) -> Run:
    info = run.info
    return Run(info.run_id, info.experiment_id, info.artifact_uri, run.data.tags, run.data.metrics)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Say in a line that a store does not answer."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError) as error:
        raise NotHere(f"MLflow does not answer: {_first_line(error)}") from error


def _or_none(client: "MlflowClient", ask: str, given: str) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return getattr(client, ask)(given)
    except MlflowException as error:
        if error.get_http_status_code() in (400, 404):
            return None
        raise NotHere(f"MLflow does not answer: {_first_line(error)}") from error


def _download(uri: str, address: str, path: str) -> Path:
    """Download a file or folder, for as long as this process lives."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    folder = tempfile.TemporaryDirectory(prefix="convsweep-")
    _downloads.append(folder)
    try:
        return Path(get_artifact_repository(address, uri).download_artifacts(path, folder.name))
    except Exception as error:  # each kind of store has errors of its own
        raise NotHere(f"{address}/{path} cannot be fetched: {_first_line(error)}") from error


_downloads: list[tempfile.TemporaryDirectory[str]] = []  # removed when the process ends


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
