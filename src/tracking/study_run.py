import contextlib
from typing import TYPE_CHECKING

from src.tracking.store import MODEL_ID, ROLE, STUDY, TRIAL, Store

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class StudyRun:
    """MLflow's record of a study: the parent of its trials' runs."""

    def __init__(self, store: Store, study: str, command: str) -> None:
        """Create the run, or go on with the study's earlier one."""
        self._store, self._client, self._study = store, store.client, study
        filter_ = f"tags.`{STUDY}` = '{study}' and tags.`{ROLE}` = 'study'"
        found = self._client.search_runs([store.experiment_id], filter_, max_results=1)
        if found:
            self.run_id: str = found[0].info.run_id
            self._client.update_run(self.run_id, status="RUNNING")
        else:
            tags = {ROLE: "study", STUDY: study}
            self.run_id = self._client.create_run(store.experiment_id, tags=tags, run_name=study).info.run_id
        self._client.set_tag(self.run_id, "convsweep.command", command)
        self._client.log_text(self.run_id, command + "\n", "command.txt")

    def describe(self, markdown: str) -> None:
        """Set the text that the run's page shows at its top."""
        self._client.set_tag(self.run_id, "mlflow.note.content", markdown)

    def log_metrics(self, metrics: dict[str, float]) -> None:
        for name, value in metrics.items():
            self._client.log_metric(self.run_id, name, value)

    def log_figure(self, figure: "Figure", path: str) -> None:
        self._client.log_figure(self.run_id, figure, path)

    def log_file(self, path: str) -> None:
        self._client.log_artifact(self.run_id, path)

    def keep_models_of(self, trials: set[int]) -> None:
        """Delete the models that were the best for a while, files included."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        with_model = f"tags.`{STUDY}` = '{self._study}' and tags.`{MODEL_ID}` != ''"
        for run in self._client.search_runs([self._store.experiment_id], with_model, max_results=1000):
            if int(run.data.tags[TRIAL]) in trials:
                continue
            model = self._client.get_logged_model(run.data.tags[MODEL_ID])
            self._client.delete_logged_model(model.model_id)
            self._client.delete_tag(run.info.run_id, MODEL_ID)
            with contextlib.suppress(NotImplementedError):  # a store that cannot: `mlflow gc` does it there
                get_artifact_repository(model.artifact_location).delete_artifacts()

    def end(self, finished: bool) -> None:
        """End the run: FINISHED, or KILLED while some of the study is left to do."""
        self._client.set_terminated(self.run_id, "FINISHED" if finished else "KILLED")
