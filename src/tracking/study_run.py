import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from src.config.objective import recorded_name
from src.tracking.address import Address
from src.tracking.links import asked_for, run_page, trials_page
from src.tracking.store import DRIVER, MODEL_ID, NOTE, PARENT_RUN, ROLE, STATE, STUDY, TRIAL, Store, is_outage
from src.tracking.view import TAG, key_of, view

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow.entities import Run

LONGEST_PARAM = 6000  # letters that MLflow takes


class StudyRun:
    """MLflow's record of a study: the parent of its trials' runs."""

    def __init__(
        self, store: Store, study: str, command: str, known: Iterable[str] = (), above: Iterable[str] = ()
    ) -> None:
        """Create the run, or go on with the first of the study's `known` ids that is one in this store.

        A new one goes below the first of the ids `above` that is one, if any.
        """
        self._store, self._client, self._study = store, store.client, study
        if run_id := next(filter(self._is_there, known), None):
            self.run_id = run_id
            self._client.update_run(run_id, status="RUNNING")
        else:
            tags = {ROLE: "study", STUDY: study}
            if parent := next(filter(self._is_there, above), None):
                tags[PARENT_RUN] = parent
            self.run_id = self._client.create_run(store.experiment_id, tags=tags, run_name=study).info.run_id
        self._client.set_tag(self.run_id, "convsweep.command", command)
        self._client.log_text(self.run_id, command + "\n", "command.txt")

    @property
    def address(self) -> Address:
        return self._store.address

    def _is_there(self, run_id: str) -> bool:
        from mlflow.exceptions import MlflowException

        try:
            return self._client.get_run(run_id).info.lifecycle_stage == "active"
        except MlflowException as error:
            if is_outage(error):
                raise
            return False

    def take_driver(self, driver: str) -> None:
        """Note that the trials of a driver go below this run, so that whoever delivers one finds it."""
        self._client.set_tag(self.run_id, f"{DRIVER}{driver}", "yes")

    def states(self) -> dict[int, str]:
        """Return the state, by number, of each trial that has a run: RUNNING until it ended."""
        return {int(run.data.tags[TRIAL]): run.data.tags.get(STATE, "RUNNING") for run in self._trials()}

    def pages(self) -> dict[int, str]:
        """Return the address, on the page itself, of each trial's run by its number."""
        id = self._store.experiment_id
        return {int(run.data.tags[TRIAL]): run_page(id, run.info.run_id) for run in self._trials()}

    def show(self, searched: Sequence[str], curves: Sequence[str], maximize: bool) -> bool:
        """Keep how the page of the study's trials is to be opened, its columns and charts; return whether we may."""
        from mlflow.exceptions import MlflowException

        asked = asked_for(self._study, maximize)
        state = view({**asked, "orderByAsc": not maximize}, searched, curves)
        try:
            self._client.set_experiment_tag(self._store.experiment_id, f"{TAG}{key_of(self._study)}", state)
        except MlflowException as error:
            if is_outage(error) and error.get_http_status_code() not in (401, 403):
                raise
            return False
        return True

    def all_trials(self, maximize: bool, viewed: bool, charts: bool = False) -> str:
        """Return the address, on the page itself, of the study's trials, the best first."""
        return trials_page(self._store.experiment_id, self._study, maximize, viewed, charts)

    def artifact_page(self, path: str) -> str:
        """Return the address, on the page itself, of a file of this run."""
        return run_page(self._store.experiment_id, self.run_id, path)

    def _trials(self) -> "list[Run]":
        runs, token = [], None
        while token != "":
            page = self._client.search_runs(
                [self._store.experiment_id], self._below, max_results=1000, page_token=token
            )
            runs, token = [*runs, *page], page.token or ""
        return runs

    @property
    def _below(self) -> str:
        return f"tags.`{PARENT_RUN}` = '{self.run_id}' and tags.`{ROLE}` = 'trial'"

    def describe(self, markdown: str) -> None:
        """Set the text that the run's page shows at its top."""
        self._client.set_tag(self.run_id, NOTE, markdown)

    def log_metrics(self, metrics: dict[str, float]) -> None:
        for name, value in metrics.items():
            self._client.log_metric(self.run_id, f"summary/{recorded_name(name)}", value)

    def log_figure(self, figure: "Figure", path: str) -> None:
        self._client.log_figure(self.run_id, figure, path)

    def log_text(self, text: str, path: str) -> None:
        self._client.log_text(self.run_id, text, path)

    def log_params(self, params: Mapping[str, str]) -> None:
        """Log what the study is; what has changed since it was begun gets a name of its own: MLflow's params stay."""
        from mlflow.entities import Param

        known = self._client.get_run(self.run_id).data.params
        new = []
        for key, text in params.items():
            value, name, count = text[:LONGEST_PARAM], key, 1
            while known.get(name, value) != value:
                count += 1
                name = f"{key}.{count}"
            if name not in known:
                new.append(Param(name, value))
        self._client.log_batch(self.run_id, params=new)

    def log_file(self, path: str) -> None:
        self._client.log_artifact(self.run_id, path)

    def keep_models_of(self, trials: set[int]) -> None:
        """Delete the models that were the best for a while, files included."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        with_model = f"{self._below} and tags.`{MODEL_ID}` != ''"
        for run in self._client.search_runs([self._store.experiment_id], with_model, max_results=1000):
            if int(run.data.tags[TRIAL]) in trials:
                continue
            model = self._client.get_logged_model(run.data.tags[MODEL_ID])
            self._client.delete_logged_model(model.model_id)
            self._client.delete_tag(run.info.run_id, MODEL_ID)
            with contextlib.suppress(NotImplementedError):  # a store that cannot: `mlflow gc` does it there
                get_artifact_repository(model.artifact_location, self._store.uri).delete_artifacts()

    def end(self, finished: bool) -> None:
        """End the run: FINISHED, or KILLED while some of the study is left to do."""
        self._client.set_terminated(self.run_id, "FINISHED" if finished else "KILLED")
