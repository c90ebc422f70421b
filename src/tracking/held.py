"""What MLflow holds, as it is found: runs, versions of registered models, files; and what can be asked of a store."""

import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from src.tracking.store import MODEL_ID, PARENT_RUN, ROLE, RUN_NAME, STUDY, TRIAL

CHAMPION = "champion"  # the alias of the version of a registered model that is to be used
FINAL = "-final"  # what the name of the study ends with that trains the best of another one again
NOT_KEPT = "model_not_kept"  # a trial's attribute, and a file of its run, that say why it has no model


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
        metrics: The last value of each of its metrics, by the names that they have outside of MLflow.
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
    def is_final(self) -> bool:
        """Whether it is that of a model that was made of a finished study; its parent is the run of the repeats."""
        return self.tags.get(ROLE) == "final"

    @property
    def title(self) -> str:
        """The run's own name."""
        return self.tags.get(RUN_NAME, self.run_id)

    @property
    def words(self) -> str:
        """What it is, for a message."""
        if self.trial is not None:
            return f"trial {self.trial} of study {self.study}"
        if self.is_final:
            return f"{self.title} of study {self.study}"
        return f"the {self.tags.get(ROLE)} run of study {self.study}" if self.study else f"run {self.run_id}"

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

    def called(self, name: str) -> list[Run]:
        """Return the runs of that name, the latest first."""
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


def download(uri: str, address: str, path: str) -> Path:
    """Download a file or folder, for as long as this process lives."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    folder = tempfile.TemporaryDirectory(prefix="convsweep-")
    _downloads.append(folder)
    try:
        return Path(get_artifact_repository(address, uri).download_artifacts(path, folder.name))
    except Exception as error:  # each kind of store has errors of its own
        raise NotHere(f"{address}/{path} cannot be fetched: {first_line(error)}") from error


_downloads: list[tempfile.TemporaryDirectory[str]] = []  # removed when the process ends


def first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
