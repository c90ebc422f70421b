import base64
import contextlib
import json
import logging
import pickle
import time
import traceback
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from src.tracking import model as models
from src.tracking.address import Address
from src.tracking.courier import Courier
from src.tracking.envelope import MODEL, Envelope
from src.tracking.store import PARENT_RUN, RECORD, ROLE, STUDY, TRIAL

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

    from src.model.own_kept import Code

LONGEST = 20_000  # characters of a traceback
log = logging.getLogger(__name__)


class TrialRun:
    """MLflow's record of a trial, or of a training run outside a study.

    Each call writes a line to an envelope in the outbox and returns; a courier brings it to MLflow, this process's or
    another's. Nothing is raised: a trial does not fail for its record.
    """

    def __init__(
        self,
        to: Courier | Address,
        outbox: Path,
        name: str,
        params: Mapping[str, Any],
        study: str | None = None,
        number: int | None = None,
        parent: str | None = None,
        driver: str | None = None,
        role: str = "trial",
    ) -> None:
        """Start the run, or go on with that of the trial `number` below the study's run.

        Args:
            to: This process's courier, or the address where another process is to bring it.
            outbox: The folder where it waits for its delivery.
            name: Of the run.
            params: Of the run.
            study: The name of the study.
            number: Of the trial.
            parent: The id of the study's run.
            driver: In its place, the id of the sweep's process whose run that is, found when it is delivered.
            role: What the run is to the study; below one run there is one of each name and role.
        """
        self._courier, self._address = (to, to.address) if isinstance(to, Courier) else (None, to)
        self._outbox, self._name = outbox, name
        self._envelope: Envelope | None = None
        self._alone, self._complained, self._ended = study is None, False, False
        tags = {ROLE: role, RECORD: uuid.uuid4().hex}
        below: dict[str, Any] = {}
        if study is not None:
            tags |= {STUDY: study, TRIAL: str(number)}
        if parent is not None:
            one = number if role == "trial" else f"{role}/{name}"
            tags |= {RECORD: f"{parent}/{one}", PARENT_RUN: parent}
        elif driver is not None:
            below = {"driver": driver, "number": number}
        where = str(outbox.absolute())  # a project that is moved takes its outboxes along
        self._write("create", address=asdict(self._address), outbox=where, name=name, tags=tags, **below)
        self._write("params", params={key: str(value) for key, value in params.items()})

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Log several metrics at a step; step 0 is for what is known once, at the end."""
        self._write("metrics", metrics={name: float(value) for name, value in metrics.items()}, step=step)

    def log_figure(self, draw: "Callable[[], Figure]", path: str) -> None:
        """Log a figure, drawn when it is delivered: `draw` is pickled."""
        self._write("figure", draw=base64.b64encode(pickle.dumps(draw)).decode(), path=path)

    def log_text(self, text: str, path: str) -> None:
        self._write("text", text=text, path=path)

    def log_table(self, columns: Mapping[str, list[Any]], path: str) -> None:
        self._write("text", text=json.dumps(dict(columns), indent=2), path=path)

    def log_tags(self, tags: Mapping[str, str]) -> None:
        self._write("tags", tags=dict(tags))

    def log_input(self, name: str, digest: str, source: str, profile: Mapping[str, Any]) -> None:
        """Say what the run is trained on: MLflow shows it as the run's dataset.

        Args:
            name: Of the data.
            digest: Of its content, at most 36 letters.
            source: Where it comes from.
            profile: Numbers about it.
        """
        self._write("input", name=name, digest=digest, source=source, profile=dict(profile))

    def log_model(
        self, model: "keras.Model", beside: Mapping[str, str] = MappingProxyType({}), code: "Code | None" = None
    ) -> None:
        """Keep the model, which takes uint8 images [N, H, W, C] and returns float32 [N, classes].

        Args:
            model: The model.
            beside: The contents of files that are kept in its folder, by name.
            code: That of a network of one's own.

        Raises:
            NotKept: A network of one's own cannot be saved, or read back.
        """
        if self._envelope is None:
            return
        try:
            saved = models.save(model, self._envelope.folder / MODEL, beside, code)
        except OSError as error:
            self._complain(error)
        else:
            self._write("model", **saved)

    @property
    def run_id(self) -> str | None:
        """The id of the run in MLflow; None while it is unknown here."""
        return self._courier.run_of(self._envelope.folder) if self._courier and self._envelope else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        """After an error, end the run if it has not ended; outside a study, wait for its delivery: nobody else does."""
        if self._ended:
            pass
        elif isinstance(error, Exception):
            text = "".join(traceback.format_exception(error))
            if len(text) > LONGEST:  # an error may quote a whole file
                text = f"{text[: LONGEST // 2]}\n...\n{text[-LONGEST // 2 :]}"
            self.log_text(text, "traceback.txt")
            self.end("FAIL")
        elif error is not None:
            self.end("WAITING")
        if self._alone and self._courier and (left := self._courier.flush()):
            log.warning("waiting in %s for the next run: %s (%s)", self._outbox, ", ".join(path.stem for path in left),
                        "; ".join({self._courier.why(path) for path in left}))  # fmt: skip

    def end(self, state: str) -> None:
        """End the run as COMPLETE, PRUNED or FAIL, or as WAITING when the trial was interrupted."""
        self._ended = True
        self._write("end", state=state)
        if self._envelope is not None:
            with contextlib.suppress(OSError):
                self._envelope.close()
        if self._courier:
            self._courier.hurry()

    def _write(self, do: str, **fields: Any) -> None:
        try:
            if do == "create":
                self._envelope = Envelope.create(self._outbox, self._name, claimed=self._courier is not None)
            if self._envelope is not None:
                self._envelope.write({"do": do, "time": int(time.time() * 1000)} | fields)
            if do == "create" and self._envelope is not None and self._courier:
                self._courier.take(self._envelope.folder)
        except OSError as error:
            self._complain(error)

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            log.error("%s is not recorded in full: %s cannot be written (%s)", self._name, self._outbox, error)
        self._complained = True
