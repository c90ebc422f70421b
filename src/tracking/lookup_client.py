"""Finding what MLflow holds in a store that is no SQLite database: with MLflow."""

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.tracking.address import local
from src.tracking.held import NotHere, Run, Version, download, first_line
from src.tracking.names import names_of, own_names
from src.tracking.store import STUDY

if TYPE_CHECKING:
    from mlflow import MlflowClient


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
        return list(self._runs(f"tags.`{STUDY}` = {_quoted(study)}"))

    def called(self, name: str) -> list[Run]:
        return list(self._runs(f"attributes.run_name = {_quoted(name)}"))

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
            known = (self._client.get_metric_history(run_id, name) for name in names_of(metric))
            return next(({point.step: point.value for point in points} for points in known if points), {})

    def fetch(self, address: str, path: str = "") -> Path:
        place = local(address)
        if place is not None and (place / path).exists():
            return place / path
        return download(self._uri, address, path)


def _quoted(text: str) -> str:
    return f"'{text}'" if "'" not in text else f'"{text}"'


def _as_run(run: Any) -> Run:
    info = run.info
    return Run(info.run_id, info.experiment_id, info.artifact_uri, run.data.tags, own_names(run.data.metrics))


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Say in a line that a store does not answer."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError) as error:
        raise NotHere(f"MLflow does not answer: {first_line(error)}") from error


def _or_none(client: "MlflowClient", ask: str, given: str) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return getattr(client, ask)(given)
    except MlflowException as error:
        if error.get_http_status_code() in (400, 404):
            return None
        raise NotHere(f"MLflow does not answer: {first_line(error)}") from error
