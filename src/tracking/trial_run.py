import base64
import json
import logging
import pickle
import shutil
import time
import traceback
import uuid
import warnings
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from src.config.objective import recorded_name
from src.tracking.courier import Courier
from src.tracking.envelope import MODEL, Envelope
from src.tracking.store import PARENT_RUN, RECORD, ROLE, STUDY, TRIAL

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)


class TrialRun:
    """MLflow's record of a trial, or of a training run outside a study.

    Each call writes a line to an envelope in the outbox and returns; a thread brings it to MLflow. Nothing is
    raised: a trial does not fail for its record.
    """

    def __init__(
        self,
        courier: Courier,
        outbox: Path,
        name: str,
        params: Mapping[str, Any],
        study: str | None = None,
        number: int | None = None,
        parent: str | None = None,
    ) -> None:
        """Start the run, or go on with that of the trial `number` below the study's run `parent`."""
        self._courier, self._outbox, self._name = courier, outbox, name
        self._envelope: Envelope | None = None
        self._alone, self._complained, self._ended = parent is None, False, False
        tags = {ROLE: "trial", RECORD: uuid.uuid4().hex}
        if study is not None and parent is not None:
            tags |= {RECORD: f"{parent}/{number}", STUDY: study, TRIAL: str(number), PARENT_RUN: parent}
        self._write("create", name=name, tags=tags)
        self._write("params", params={key: str(value) for key, value in params.items()})

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Log several metrics at a step; step 0 is for what is known once, at the end."""
        self._write(
            "metrics", metrics={recorded_name(name): float(value) for name, value in metrics.items()}, step=step
        )

    def log_figure(self, draw: "Callable[[], Figure]", path: str) -> None:
        """Log a figure, drawn when it is delivered: `draw` is pickled."""
        self._write("figure", draw=base64.b64encode(pickle.dumps(draw)).decode(), path=path)

    def log_text(self, text: str, path: str) -> None:
        self._write("text", text=text, path=path)

    def log_table(self, columns: Mapping[str, list[Any]], path: str) -> None:
        self._write("text", text=json.dumps(dict(columns), indent=2), path=path)

    def log_model(self, model: "keras.Model") -> None:
        """Keep the model, which takes uint8 images [N, H, W, C] and returns float32 [N, classes]."""
        if self._envelope is None:
            return
        try:
            _save(model, self._envelope.folder / MODEL)
        except OSError as error:
            self._complain(error)
        else:
            self._write("model")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        """After an error, end the run if it has not ended; outside a study, wait for its delivery: nobody else does."""
        if self._ended:
            pass
        elif isinstance(error, Exception):
            self.log_text("".join(traceback.format_exception(error)), "traceback.txt")
            self.end("FAIL")
        elif error is not None:
            self.end("WAITING")
        if self._alone and self._courier.flush():
            log.warning("MLflow has not got all of this run: the rest waits in %s for the next run", self._outbox)

    def end(self, state: str) -> None:
        """End the run as COMPLETE, PRUNED or FAIL, or as WAITING when the trial was interrupted."""
        self._ended = True
        self._write("end", state=state)
        self._courier.hurry()

    def _write(self, do: str, **fields: Any) -> None:
        try:
            if do == "create":
                self._envelope = Envelope.create(self._outbox, self._name)
            if self._envelope is not None:
                self._envelope.write({"do": do, "time": int(time.time() * 1000)} | fields)
            if do == "create" and self._envelope is not None:
                self._courier.take(self._envelope)
        except OSError as error:
            self._complain(error)

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            log.error("%s is not recorded in full: %s cannot be written (%s)", self._name, self._outbox, error)
        self._complained = True


def _save(model: "keras.Model", folder: Path) -> None:
    import numpy as np

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.keras
        from mlflow.models import ModelSignature
        from mlflow.types import Schema, TensorSpec

        images, probabilities = ((-1, *shape[1:]) for shape in (model.input_shape, model.output_shape))
        signature = ModelSignature(
            Schema([TensorSpec(np.dtype("uint8"), images)]), Schema([TensorSpec(np.dtype("float32"), probabilities)])
        )
        # Given by name, or MLflow imports the model in a fresh process to find them, which takes 14 s.
        requirements = [f"{package}=={version(package)}" for package in ("keras", "tensorflow", "numpy")]
        shutil.rmtree(folder, ignore_errors=True)
        mlflow.keras.save_model(model, str(folder), signature=signature, pip_requirements=requirements)
