"""A study of this application in Python: what MLflow has of it beside what any study has."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from convsweep.report import Exhibit, StudyView
from convsweep.report import open_study as open_any
from src.deployment.finding import find_model
from src.recording.study_report import exhibits

if TYPE_CHECKING:
    import keras
    from optuna import Study


def open_study(
    name: str | os.PathLike[str],
    folder: str | os.PathLike[str] = "multirun",
    storage: str | None = None,
    uri: str | None = None,
) -> "TrainedStudy":
    """Open a study with what MLflow has of it; see `src.open_study`."""
    found = open_any(name, folder, storage)
    return TrainedStudy(found.study, found.directory, uri)


class TrainedStudy(StudyView):
    """A study whose trials are recorded in MLflow."""

    def __init__(self, study: "Study", directory: Path, uri: str | None) -> None:
        super().__init__(study, directory)
        self._uri = uri

    def model(self) -> "keras.Model":
        """Load the best trial's model: raw uint8 images [N, H, W, C] -> probabilities [N, classes].

        Raises:
            UserError: No trial has been trained to its end.
            ModelNotFound: MLflow has no model of the best one.
        """
        return find_model(f"{self.name}/{self._best().number}", self._uri).load()

    def _exhibits(self) -> tuple[list[Exhibit], str]:
        return exhibits(self.study, self._uri)
