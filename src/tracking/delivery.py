"""Bringing an envelope to MLflow."""

import base64
import contextlib
import fcntl
import itertools
import json
import logging
import os
import pickle
import shutil
import warnings
from collections.abc import Callable, Iterator
from io import BufferedRandom
from pathlib import Path
from typing import Any

from src.config.objective import recorded_name
from src.tracking.address import Address
from src.tracking.envelope import CLAIM, MODEL, RECORDS, is_abandoned
from src.tracking.links import trial_note
from src.tracking.model import describe
from src.tracking.moved import moved_along
from src.tracking.names import LOSS, grouped, is_from_before
from src.tracking.store import (
    MODEL_ID,
    NOTE,
    PARENT_RUN,
    RECORD,
    ROLE,
    STATE,
    STATUS,
    STUDY,
    TRIAL,
    Refused,
    Store,
    is_outage,
    model_name,
)

BATCH = 100  # epochs in a request; MLflow takes 1000 metrics
TRAINED = (b'{"do": "metrics"', b'{"do": "end"')  # how a line begins that is written after the first epoch

log = logging.getLogger(__name__)


class NoParentYet(Exception):
    """The study has no run yet below which the trial's could be."""


class Delivery:
    """An envelope, as the process sees it that delivers it, also while another one writes it.

    To deliver it twice changes nothing: the run is found by its name, what is there is overwritten, and epochs
    that are there are left alone, also those of an earlier attempt.
    """

    def __init__(self, folder: Path, claim: BufferedRandom, records: BufferedRandom) -> None:
        self.folder = folder
        self.run_id = ""
        self._claim, self._records = claim, records
        self._address: Address | None = None
        self._complete = False  # nothing more will be written
        self._delivered = 0  # bytes
        self._epochs: set[int] = set()  # those in MLflow
        self._summary: list[dict[str, Any]] = []
        self._plain = False  # the run has metrics from before they were grouped

    @classmethod
    def claim(cls, folder: Path) -> "Delivery | None":
        """Take an envelope on; None when another process does it, or when it is delivered."""
        try:
            records = (folder / RECORDS).open("r+b")
        except OSError:
            return None
        try:
            claim = (folder / CLAIM).open("a+b")
        except OSError:
            records.close()
            return None
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.stat(folder / RECORDS)  # it is not one that was delivered meanwhile
        except OSError:
            claim.close()
            records.close()
            return None
        return cls(folder, claim, records)

    def address(self, default: Address) -> Address:
        """Return where it is to go; the default for an envelope of a version that did not write it down.

        A database that was moved, or copied, together with the outbox is meant where it is now.
        """
        if self._address is None:
            self._records.seek(0)
            with contextlib.suppress(ValueError, KeyError):
                first = json.loads(self._records.readline())
                address, outbox = Address(**first["address"]), Path(first.get("outbox", self.folder.parent))
                self._address = moved_along(address, outbox, self.folder.parent.absolute())
        return self._address or default

    def has_trained(self) -> bool:
        """Whether an epoch is done, or there will be none."""
        if self._delivered:
            return True
        self._records.seek(0)
        return any(line.startswith(TRAINED) for line in self._records) or is_abandoned(self._records.fileno())

    def deliver(self, store: Store, parent_of: Callable[[Store, str], str | None]) -> bool:
        """Bring what is written so far to MLflow, in order; return whether that is all.

        Args:
            store: The one at its address.
            parent_of: Returns the id of the study's run below which a driver's trials go, None while there is none.

        Raises:
            NoParentYet: There is none.
            Refused: MLflow will never take it.
            Exception: MLflow cannot be reached; the next call goes on there.
        """
        abandoned = is_abandoned(self._records.fileno())  # asked before the last line is read
        for do, records, end in self._batches():
            try:
                if do == "create":
                    self._create(store, records, parent_of)
                else:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")  # where they are errors, MLflow's are no refusals
                        getattr(self, f"_{do}")(store, records)
            except NoParentYet:
                raise
            except Exception as error:
                if is_outage(error):
                    raise
                if do == "create":
                    raise Refused(str(error).partition("\n")[0]) from error
                log.warning("MLflow refuses the %s of %s: %s", do, self.folder.name, error)
            self._delivered = end
            self._complete = self._complete or do == "end"
            with contextlib.suppress(OSError):
                os.utime(self._records.fileno())  # a sign of life for those who wait
        return self._complete or abandoned

    def discard(self) -> None:
        """Remove the envelope, delivered."""
        gone = self.folder.with_name(f".{self.folder.name}")
        with contextlib.suppress(OSError):
            self.folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
        self.release()

    def release(self) -> None:
        """Leave the envelope to another process."""
        self._claim.close()
        self._records.close()

    def _batches(self) -> Iterator[tuple[str, list[dict[str, Any]], int]]:
        """Yield what to do, with records not yet delivered and where they end: metrics together, the rest singly."""
        self._records.seek(self._delivered)
        lines = [line for line in self._records if line.endswith(b"\n")]
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

    def _create(
        self, store: Store, records: list[dict[str, Any]], parent_of: Callable[[Store, str], str | None]
    ) -> None:
        (record,) = records
        tags = record["tags"]
        if "driver" in record:  # the trial of a study, whose run may have been made after this was written
            parent = parent_of(store, record["driver"])
            if parent is None:
                raise NoParentYet
            tags = tags | {PARENT_RUN: parent, RECORD: f"{parent}/{record['number']}"}
        if PARENT_RUN in tags and STUDY in tags:
            tags = tags | {NOTE: trial_note(store.experiment_id, tags[PARENT_RUN], tags[STUDY], tags[TRIAL])}
        where = f"tags.`{RECORD}` = '{tags[RECORD]}'"
        found = store.client.search_runs([store.experiment_id], where, max_results=1)
        if not found:
            made = store.client.create_run(store.experiment_id, record["time"], tags, record["name"])
            self.run_id = made.info.run_id
            return
        self.run_id = found[0].info.run_id
        self._plain = is_from_before(found[0].data.metrics)
        loss = "loss" if self._plain else LOSS
        self._epochs = {metric.step for metric in store.client.get_metric_history(self.run_id, loss)}
        state = found[0].data.tags.get(STATE)
        if state == "WAITING":
            store.client.delete_tag(self.run_id, STATE)
        if state in (None, "WAITING"):  # else a late envelope of an earlier attempt
            store.client.update_run(self.run_id, status="RUNNING")

    def _params(self, store: Store, records: list[dict[str, Any]]) -> None:
        from mlflow.entities import Param

        store.client.log_batch(self.run_id, params=[Param(*item) for item in records[0]["params"].items()])

    def _metrics(self, store: Store, records: list[dict[str, Any]]) -> None:
        from mlflow.entities import Metric

        new = [record for record in records if "loss" not in record["metrics"] or record["step"] not in self._epochs]
        store.client.log_batch(
            self.run_id,
            [
                Metric(self._named(name, r["step"]), value, r["time"], r["step"])
                for r in new
                for name, value in r["metrics"].items()
            ],
        )
        self._summary = [record for record in records if record["step"] == 0] or self._summary

    def _named(self, name: str, step: int) -> str:
        return recorded_name(name) if self._plain else grouped(name, step)

    def _text(self, store: Store, records: list[dict[str, Any]]) -> None:
        store.client.log_text(self.run_id, records[0]["text"], records[0]["path"])

    def _tags(self, store: Store, records: list[dict[str, Any]]) -> None:
        from mlflow.entities import RunTag

        store.client.log_batch(self.run_id, tags=[RunTag(*item) for item in records[0]["tags"].items()])

    def _input(self, store: Store, records: list[dict[str, Any]]) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        record = records[0]
        source, profile = json.dumps({"uri": record["source"]}), json.dumps(record["profile"])
        data = Dataset(record["name"], record["digest"], "local", source, profile=profile)
        store.client.log_inputs(self.run_id, [DatasetInput(data, [InputTag("mlflow.data.context", "training")])])

    def _figure(self, store: Store, records: list[dict[str, Any]]) -> None:
        draw = pickle.loads(base64.b64decode(records[0]["draw"]))
        store.client.log_figure(self.run_id, draw(), records[0]["path"])

    def _model(self, store: Store, records: list[dict[str, Any]]) -> None:
        from mlflow.entities import LoggedModelOutput, Metric

        client, run = store.client, store.client.get_run(self.run_id)
        where = f"source_run_id = '{self.run_id}'"
        found = client.search_logged_models([store.experiment_id], where, max_results=1)
        tags = {key: run.data.tags[key] for key in (ROLE, STUDY, TRIAL) if key in run.data.tags}
        model = found[0] if found else client.create_logged_model(
            store.experiment_id, model_name(tags, run.info.run_name or MODEL), self.run_id, tags, run.data.params
        )  # fmt: skip
        if model.model_id not in {output.model_id for output in (run.outputs.model_outputs if run.outputs else [])}:
            client.log_outputs(self.run_id, [LoggedModelOutput(model.model_id, step=0)])
            summary = [
                (r["time"], self._named(name, 0), value) for r in self._summary for name, value in r["metrics"].items()
            ]
            client.log_batch(self.run_id, [Metric(name, value, at, 0, model.model_id) for at, name, value in summary])
        describe(self.folder / MODEL, records[0], model, self.run_id)
        client.log_model_artifacts(model.model_id, str(self.folder / MODEL))
        client.finalize_logged_model(model.model_id, "READY")
        client.set_tag(self.run_id, MODEL_ID, model.model_id)

    def _end(self, store: Store, records: list[dict[str, Any]]) -> None:
        state = records[0]["state"]
        store.client.set_tag(self.run_id, STATE, state)
        store.client.set_terminated(self.run_id, STATUS[state], records[0]["time"])
