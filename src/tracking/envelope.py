import base64
import contextlib
import fcntl
import itertools
import json
import logging
import os
import pickle
import shutil
import time
from collections.abc import Iterator
from io import BufferedWriter
from pathlib import Path
from typing import Any

from src.tracking.store import MODEL_ID, RECORD, STATE, STATUS, Store, is_outage

RECORDS = "records.jsonl"
MODEL = "model"
BATCH = 100  # epochs in a request; MLflow takes 1000 metrics

log = logging.getLogger(__name__)


class Envelope:
    """What one attempt at a trial records: a folder in the outbox, with a line of JSON for each record.

    The process that writes or delivers it holds its lock, which the operating system frees when the process ends.
    To deliver it twice changes nothing: the run is found by its name, what is there is overwritten, and epochs
    that are there are left alone, also those of an earlier attempt.
    """

    def __init__(self, folder: Path, file: BufferedWriter, complete: bool) -> None:
        self.folder = folder
        self._file = file
        self._complete = complete  # nothing more will be written
        self._delivered = 0  # bytes
        self._run_id = ""
        self._epochs: set[int] = set()  # those in MLflow
        self._summary: list[dict[str, Any]] = []

    @classmethod
    def create(cls, outbox: Path, name: str) -> "Envelope":
        """Start an envelope.

        Raises:
            OSError: The outbox cannot be written to.
        """
        outbox.mkdir(parents=True, exist_ok=True)
        folder = outbox / f"{name}.{time.time_ns()}"
        unlocked = outbox / f".{folder.name}"  # nobody looks at it yet
        unlocked.mkdir()
        file = (unlocked / RECORDS).open("ab")
        fcntl.flock(file, fcntl.LOCK_EX)
        unlocked.rename(folder)
        return cls(folder, file, complete=False)

    @classmethod
    def adopt(cls, folder: Path) -> "Envelope | None":
        """Take over the envelope of a dead process; None while the process lives, or when it is delivered."""
        try:
            file = (folder / RECORDS).open("ab")
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.stat(folder / RECORDS)
        except OSError:
            file.close()
            return None
        return cls(folder, file, complete=True)

    def write(self, record: dict[str, Any]) -> None:
        """Append a record.

        Raises:
            OSError: It cannot be written now; Python keeps it, and writes it before the next one.
        """
        self._file.write(json.dumps(record).encode() + b"\n")
        self._file.flush()

    def deliver(self, store: Store) -> bool:
        """Bring what is written so far to MLflow, in order; return whether that is all.

        Raises:
            Exception: MLflow cannot be reached; the next call goes on there.
        """
        for do, records, end in self._batches():
            try:
                getattr(self, f"_{do}")(store, records)
            except Exception as error:
                if do == "create" or is_outage(error):
                    raise
                log.warning("MLflow refuses the %s of %s: %s", do, self.folder.name, error)
            self._delivered = end
            self._complete = self._complete or do == "end"
            os.utime(self._file.fileno())  # a sign of life for those who wait
        return self._complete

    def discard(self) -> None:
        """Remove the envelope, delivered."""
        gone = self.folder.with_name(f".{self.folder.name}")
        with contextlib.suppress(OSError):
            self.folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
        self._file.close()

    def _batches(self) -> Iterator[tuple[str, list[dict[str, Any]], int]]:
        """Yield what to do, with records not yet delivered and where they end: metrics together, the rest singly."""
        with (self.folder / RECORDS).open("rb") as file:
            file.seek(self._delivered)
            lines = [line for line in file if line.endswith(b"\n")]
        ends = itertools.accumulate(map(len, lines), initial=self._delivered)
        read = []
        for line, end in zip(lines, itertools.islice(ends, 1, None), strict=True):
            with contextlib.suppress(ValueError):  # a line that a full disk cut
                read.append((json.loads(line), end))
        for do, group in itertools.groupby(read, key=lambda pair: pair[0]["do"]):
            together = list(group)
            size = BATCH if do == "metrics" else 1
            for i in range(0, len(together), size):
                records, reached = zip(*together[i : i + size], strict=True)
                yield do, list(records), reached[-1]

    def _create(self, store: Store, records: list[dict[str, Any]]) -> None:
        (record,) = records
        where = f"tags.`{RECORD}` = '{record['tags'][RECORD]}'"
        found = store.client.search_runs([store.experiment_id], where, max_results=1)
        if not found:
            made = store.client.create_run(store.experiment_id, record["time"], record["tags"], record["name"])
            self._run_id = made.info.run_id
            return
        self._run_id = found[0].info.run_id
        self._epochs = {metric.step for metric in store.client.get_metric_history(self._run_id, "loss")}
        state = found[0].data.tags.get(STATE)
        if state == "WAITING":
            store.client.delete_tag(self._run_id, STATE)
        if state in (None, "WAITING"):  # else a late envelope of an earlier attempt
            store.client.update_run(self._run_id, status="RUNNING")

    def _params(self, store: Store, records: list[dict[str, Any]]) -> None:
        from mlflow.entities import Param

        store.client.log_batch(self._run_id, params=[Param(*item) for item in records[0]["params"].items()])

    def _metrics(self, store: Store, records: list[dict[str, Any]]) -> None:
        from mlflow.entities import Metric

        new = [record for record in records if "loss" not in record["metrics"] or record["step"] not in self._epochs]
        store.client.log_batch(
            self._run_id,
            [Metric(name, value, r["time"], r["step"]) for r in new for name, value in r["metrics"].items()],
        )
        self._summary = [record for record in records if record["step"] == 0] or self._summary

    def _text(self, store: Store, records: list[dict[str, Any]]) -> None:
        store.client.log_text(self._run_id, records[0]["text"], records[0]["path"])

    def _figure(self, store: Store, records: list[dict[str, Any]]) -> None:
        draw = pickle.loads(base64.b64decode(records[0]["draw"]))
        store.client.log_figure(self._run_id, draw(), records[0]["path"])

    def _model(self, store: Store, records: list[dict[str, Any]]) -> None:
        from mlflow.entities import LoggedModelOutput, Metric
        from mlflow.models import Model

        client, run = store.client, store.client.get_run(self._run_id)
        where = f"source_run_id = '{self._run_id}'"
        found = client.search_logged_models([store.experiment_id], where, max_results=1)
        model = found[0] if found else client.create_logged_model(
            store.experiment_id, MODEL, self._run_id, params=run.data.params
        )  # fmt: skip
        if model.model_id not in {output.model_id for output in (run.outputs.model_outputs if run.outputs else [])}:
            client.log_outputs(self._run_id, [LoggedModelOutput(model.model_id, step=0)])
            summary = [(r["time"], name, value) for r in self._summary for name, value in r["metrics"].items()]
            client.log_batch(self._run_id, [Metric(name, value, at, 0, model.model_id) for at, name, value in summary])
        description = self.folder / MODEL / "MLmodel"
        saved = Model.load(str(description))
        saved.model_id, saved.model_uuid, saved.run_id = model.model_id, model.model_id, self._run_id
        saved.artifact_path = model.artifact_location
        saved.save(str(description))
        client.log_model_artifacts(model.model_id, str(self.folder / MODEL))
        client.finalize_logged_model(model.model_id, "READY")
        client.set_tag(self._run_id, MODEL_ID, model.model_id)

    def _end(self, store: Store, records: list[dict[str, Any]]) -> None:
        state = records[0]["state"]
        store.client.set_tag(self._run_id, STATE, state)
        store.client.set_terminated(self._run_id, STATUS[state], records[0]["time"])
