"""A study in Python: its trials as tables, its best configurations, its curves and figures."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convsweep.errors import UserError
from convsweep.insight import Findings, look_back
from convsweep.report.figures import figures
from convsweep.report.optional import needed
from convsweep.report.page import Exhibit, write_report
from convsweep.report.tables import rows
from convsweep.study.finding import find_study, place_of
from convsweep.study.metric_names import metric_names
from convsweep.study.ranking import ranked

if TYPE_CHECKING:
    from optuna import Study
    from pandas import DataFrame

FOLDER = "multirun"
WHY = "a table of trials"


def open_study(
    name: str | os.PathLike[str], folder: str | os.PathLike[str] = FOLDER, storage: str | None = None
) -> "StudyView":
    """Open a study that exists, while it runs or later; nothing is changed.

    Args:
        name: The study's name, or its own folder where that is not in `folder`.
        folder: Where the studies' folders are.
        storage: As in `hydra.sweeper.storage`, for a study that does not use a journal.

    Raises:
        UserError: There is no such study; lists those that there are.
    """
    study = find_study(os.fspath(name), Path(folder), storage)
    return StudyView(study, place_of(os.fspath(name), Path(folder)))


class StudyView:
    """A study, to be looked at; what it shows is as new as the storage.

    Attributes:
        study: Optuna's own object.
        directory: The study's folder.
    """

    def __init__(self, study: "Study", directory: Path) -> None:
        self.study, self.directory = study, directory

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {len(self.study.get_trials(deepcopy=False))} trials>"

    @property
    def name(self) -> str:
        return self.study.study_name

    @property
    def metrics(self) -> list[str]:
        """The objectives' names."""
        return metric_names(self.study)

    def trials(self) -> "DataFrame":
        """Return a row a trial: `trial`, `state`, a column an objective and a searched key, `step`, `seconds`,
        `started`, `ended`, `error`.
        """
        return needed("pandas", WHY).DataFrame(rows(self.study))

    def best(self, count: int = 5) -> "DataFrame":
        """Return the rows of the best trials, best first; of several objectives the Pareto front."""
        table = self.trials()
        numbers = [trial.number for trial in ranked(self.study)[:count]]
        return table.iloc[numbers].reset_index(drop=True)  # a trial's number is its place

    @property
    def best_params(self) -> dict[str, Any]:
        """The best trial's searched values; of several objectives those of the first trial on the Pareto front.

        Raises:
            UserError: No trial has been trained to its end.
        """
        return dict(self._best().params)

    def configuration(self, number: int | None = None) -> Any:
        """Return a trial's whole config, the best one's by default.

        Raises:
            UserError: There is no such trial, or its folder is not here.
        """
        from omegaconf import OmegaConf

        if number is None:
            number = self._best().number
        file = self.directory / f"trial-{number:04d}" / ".hydra" / "config.yaml"
        if not file.exists():
            raise UserError(f"the config of trial {number} of {self.name} is not here: there is no {file}")
        return OmegaConf.load(file)

    def curves(self) -> "DataFrame":
        """Return what trials reported: `trial`, `step`, `value`, a row a report."""
        found = [
            {"trial": trial.number, "step": step, "value": value}
            for trial in self.study.get_trials(deepcopy=False)
            for step, value in sorted(trial.intermediate_values.items())
        ]
        return needed("pandas", WHY).DataFrame(found, columns=["trial", "step", "value"])

    def findings(self) -> Findings:
        """Return what mattered and what to do next."""
        return look_back(self.study)

    def importances(self) -> "DataFrame":
        """Return what mattered: `metric`, `key`, `share` with its 90% interval, and whether it is more than chance."""
        found = [
            {"metric": metric, "key": one.key, "share": one.share, "low": one.low, "high": one.high, "sure": one.sure}
            for metric, importances in self.findings().importances.items()
            for one in importances
        ]
        columns = ["metric", "key", "share", "low", "high", "sure"]
        return needed("pandas", WHY).DataFrame(found, columns=columns)

    def figures(self) -> dict[str, Any]:
        """Return the figures of the report, Plotly's, by name: `history`, `importance`, `curves`, ..."""
        return figures(self.study)

    def report(self, file: str | os.PathLike[str] | None = None) -> Path:
        """Write the report, one HTML file, `report.html` in the study's folder by default; return where it is."""
        path = Path(file) if file is not None else self.directory / "report.html"
        path.parent.mkdir(parents=True, exist_ok=True)  # a study in a database may have no folder here
        exhibits, note = self._exhibits()
        write_report(self.study, path, exhibits, note=note)
        return path

    def _exhibits(self) -> tuple[list[Exhibit], str]:
        """Return what else the report is to show, and what to say of it."""
        return [], ""

    def _best(self) -> Any:
        best = ranked(self.study)
        if not best:
            raise UserError(f"no trial of {self.name} has been trained to its end: there is no best one yet")
        return best[0]
