import logging
import time
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from src.tracking.store import MODEL_ID, ROLE, STATE, STUDY, TRIAL, Store

if TYPE_CHECKING:
    import keras
    import numpy as np
    from matplotlib.figure import Figure

# What MLflow calls the end of a trial.
STATUS = {"COMPLETE": "FINISHED", "PRUNED": "KILLED", "FAIL": "FAILED"}

MODEL = "model"


class TrialRun:
    """MLflow's record of a trial, or of a training run outside a study."""

    def __init__(
        self,
        store: Store,
        name: str,
        params: Mapping[str, Any],
        study: str | None = None,
        number: int | None = None,
        parent: str | None = None,
        run_id: str | None = None,
    ) -> None:
        """Create the run, or go on with `run_id`, that of an interrupted trial."""
        from mlflow.entities import Param

        self._store, self._client = store, store.client
        if run_id is not None:
            self.run_id = run_id
            self._client.update_run(run_id, status="RUNNING")
            return
        tags = {ROLE: "trial"}
        if study is not None and parent is not None:
            tags |= {STUDY: study, TRIAL: str(number), "mlflow.parentRunId": parent}
        created = self._client.create_run(store.experiment_id, tags=tags, run_name=name)
        self.run_id: str = created.info.run_id
        self._client.log_batch(self.run_id, params=[Param(key, str(value)) for key, value in params.items()])

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Log several metrics at a step in one request."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._client.log_batch(self.run_id, metrics=[Metric(k, float(v), now, step) for k, v in metrics.items()])

    def log_figure(self, figure: "Figure", path: str) -> None:
        self._client.log_figure(self.run_id, figure, path)

    def log_text(self, text: str, path: str) -> None:
        self._client.log_text(self.run_id, text, path)

    def log_table(self, columns: Mapping[str, list[Any]], path: str) -> None:
        self._client.log_dict(self.run_id, dict(columns), path)

    def log_model(self, model: "keras.Model", example: "np.ndarray") -> None:
        """Keep the model as an MLflow model that takes images like `example`, uint8 [N, H, W, C]."""
        import mlflow
        from mlflow.models import infer_signature

        # Given by name, or MLflow imports the model in a fresh process to find them, which takes 14 s.
        requirements = [f"{package}=={version(package)}" for package in ("keras", "tensorflow", "numpy")]
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        with warnings.catch_warnings(), mlflow.start_run(run_id=self.run_id):
            warnings.simplefilter("ignore")
            signature = infer_signature(example, model(example, training=False).numpy())
            kept = mlflow.keras.log_model(model, name=MODEL, signature=signature, pip_requirements=requirements)
        self._client.set_tag(self.run_id, MODEL_ID, kept.model_id)
        # Leaving the block ends the run, which has an end of its own in `end`.
        self._client.update_run(self.run_id, status="RUNNING")

    def end(self, state: str) -> None:
        """End the run as COMPLETE, PRUNED or FAIL."""
        self._client.set_tag(self.run_id, STATE, state)
        self._client.set_terminated(self.run_id, STATUS[state])

    def best_value(self, study: str, maximize: bool) -> float | None:
        """Return the best `objective` among the study's complete trials, or None when there is none."""
        found = self._client.search_runs(
            [self._store.experiment_id],
            f"tags.`{STUDY}` = '{study}' and tags.`{STATE}` = 'COMPLETE'",
            order_by=[f"metrics.objective {'DESC' if maximize else 'ASC'}"],
            max_results=1,
        )
        return found[0].data.metrics.get("objective") if found else None
