"""Finding what MLflow holds, by a study's, a run's or a registered model's name.

An SQLite database, the usual store, is asked without MLflow, whose import takes seconds; everything else with it.
Nothing is changed or made.
"""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from src.process import program
from src.tracking.address import Address, find_problem_of_scheme, local
from src.tracking.asking import unreachable
from src.tracking.held import Lookup, NotHere, Run, Version, download
from src.tracking.lookup_client import Client
from src.tracking.moved import FILES
from src.tracking.names import names_of, own_names
from src.tracking.store import STUDY


def look_up(uri: str | None) -> Lookup:
    """Return what to ask about the store of `tracking.uri`, else of $MLFLOW_TRACKING_URI, else ./mlflow.db.

    Raises:
        NotHere: There is none, or it does not answer.
    """
    address = Address.of(None, uri)
    file = address.database
    if file is not None and not (file.exists() and file.stat().st_size):
        raise NotHere(
            f"{file} is not there: nothing is recorded here yet; train first, e.g. {program('sweep')}, go to the "
            "folder where that was typed, or name the store with --uri"
        )
    if file is not None:
        return Database(file)
    if problem := unreachable(address.uri) or find_problem_of_scheme(address.uri):
        raise NotHere(problem)
    return Client(address.uri)


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

    def called(self, name: str) -> list[Run]:
        return self._runs("SELECT run_uuid FROM runs WHERE name = ? AND lifecycle_stage = 'active'", name)

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
            Run(key, str(row["experiment_id"]), row["artifact_uri"], tags.get(key, {}), own_names(metrics.get(key, {})))
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
        found = ({row["step"]: row["value"] for row in self._ask(query, run_id, name)} for name in names_of(metric))
        return next(filter(None, found), {})

    def fetch(self, address: str, path: str = "") -> Path:
        place = local(address)
        if place is None:
            return download(f"sqlite:///{self._file}", address, path)
        if FILES in place.parts:  # the folder of the database may have been moved, or copied
            last = len(place.parts) - 1 - place.parts[::-1].index(FILES)
            beside = self._file.parent.joinpath(*place.parts[last:])
            place = beside if (beside / path).exists() else place
        if not (place / path).exists():
            raise NotHere(f"{place / path if path else place} is not there: it has been deleted, or moved")
        return place / path
