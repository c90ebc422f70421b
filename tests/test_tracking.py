"""MLflow's records: where they go, that they arrive once and in order, and what happens while nobody takes them."""

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from src.report import confusion_matrix
from src.tracking import Courier, Store, StudyRun, TrialRun, courier, open_store, tracking_uri, unreachable, waiting
from tests.command import start


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database, to be copied: MLflow takes a second or two to make one."""
    path = tmp_path_factory.mktemp("database") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: Path) -> Store:
    shutil.copy(database, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return open_store("experiment", None)


@pytest.fixture
def post(store: Store) -> Courier:
    return courier("experiment", None)


def trial_run(post: Courier, outbox: Path, number: int = 7) -> TrialRun:
    return TrialRun(post, outbox, f"trial-{number:04d}", {"x": [1, None]}, "s", number, "parent")


def the_run(client: MlflowClient, number: int = 7) -> Run:
    """Return the one run of a trial."""
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    (run,) = client.search_runs(ids, f"tags.`convsweep.trial` = '{number}'")
    return run


def epochs(client: MlflowClient, number: int = 7) -> list[tuple[int, float]]:
    """Return step and loss of a trial's epochs in the order in which they happened."""
    history = client.get_metric_history(the_run(client, number).info.run_id, "loss")
    return [(metric.step, metric.value) for metric in sorted(history, key=lambda metric: metric.timestamp)]


def test_address_by_key_then_environment_then_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri(None) == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server")
    assert tracking_uri(None) == "http://server"
    assert tracking_uri("http://other") == "http://other"


def test_the_store_is_opened_once_and_keeps_its_files_here(store: Store, tmp_path: Path) -> None:
    assert open_store("experiment", None) is store
    experiment = store.client.get_experiment(store.experiment_id)
    assert experiment.artifact_location == (tmp_path / "mlruns").as_uri()


def test_a_server_that_does_not_answer_is_told_at_once() -> None:
    address = f"http://127.0.0.1:{free_port()}"
    started = time.monotonic()
    problem = unreachable(address)
    assert problem is not None
    assert f"`tracking.uri`: no MLflow server answers at {address} (" in problem
    assert time.monotonic() - started < 5
    assert unreachable("sqlite:///somewhere.db") is None


def test_a_study_taken_up_again_is_the_same_run(store: Store) -> None:
    first = StudyRun(store, "s", "command one")
    first.end(finished=False)
    assert store.client.get_run(first.run_id).info.status == "KILLED"
    second = StudyRun(store, "s", "command two", ["of another store", first.run_id])
    assert second.run_id == first.run_id
    assert store.client.get_run(first.run_id).info.status == "RUNNING"
    second.end(finished=True)
    assert store.client.get_run(first.run_id).info.status == "FINISHED"
    store.client.delete_run(first.run_id)
    assert StudyRun(store, "s", "command", [first.run_id]).run_id != first.run_id
    assert StudyRun(store, "s", "command", ["not there"]).run_id != first.run_id


@pytest.mark.parametrize(("state", "status"), [("COMPLETE", "FINISHED"), ("PRUNED", "KILLED"), ("FAIL", "FAILED")])
def test_a_trial_ends_in_its_state(store: Store, post: Courier, tmp_path: Path, state: str, status: str) -> None:
    trial = trial_run(post, tmp_path / "outbox")
    trial.log_metrics({"loss": 0.5, "accuracy": 0.9}, step=1)
    trial.log_metrics({"loss": 0.25}, step=2)
    trial.log_figure(partial(confusion_matrix, np.eye(2, dtype=int), ["a", "b"], "title"), "confusion_matrix.png")
    trial.log_text("words", "notes.txt")
    trial.end(state)
    assert not post.flush()
    assert not waiting(tmp_path / "outbox")
    run = the_run(store.client)
    assert run.info.status == status
    assert run.info.run_name == "trial-0007"
    assert run.data.tags["convsweep.state"] == state
    assert run.data.tags["mlflow.parentRunId"] == "parent"
    assert run.data.params == {"x": "[1, None]"}
    assert epochs(store.client) == [(1, 0.5), (2, 0.25)]
    assert {file.path for file in store.client.list_artifacts(run.info.run_id)} == {"confusion_matrix.png", "notes.txt"}


def test_an_interrupted_trial_goes_on_in_its_run(store: Store, post: Courier, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), trial_run(post, tmp_path / "outbox") as first:
        first.log_metrics({"loss": 0.5}, step=1)
        raise KeyboardInterrupt
    assert not post.flush()
    interrupted = the_run(store.client)
    assert (interrupted.info.status, interrupted.data.tags["convsweep.state"]) == ("KILLED", "WAITING")
    again = trial_run(post, tmp_path / "outbox")
    again.log_metrics({"loss": 0.5}, step=1)
    again.log_metrics({"loss": 0.4}, step=2)
    while len(epochs(store.client)) < 2:
        time.sleep(0.05)
    running = the_run(store.client)
    assert (running.info.status, running.data.tags.get("convsweep.state")) == ("RUNNING", None)
    again.end("COMPLETE")
    assert not post.flush()
    assert the_run(store.client).info.run_id == interrupted.info.run_id
    assert epochs(store.client) == [(1, 0.5), (2, 0.4)]


def test_an_error_is_recorded_and_goes_on(store: Store, post: Courier, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="boom"), trial_run(post, tmp_path / "outbox"):
        raise ValueError("boom")
    assert not post.flush()
    run = the_run(store.client)
    assert run.info.status == "FAILED"
    assert "ValueError: boom" in Path(store.client.download_artifacts(run.info.run_id, "traceback.txt")).read_text()


def left_behind(trial: TrialRun) -> Path:
    """Free the lock on what a trial wrote, as its process's death would; return the envelope."""
    assert trial._envelope is not None
    trial._envelope._file.close()
    return trial._envelope.folder


def test_what_an_earlier_attempt_left_comes_late_and_in_place(store: Store, post: Courier, tmp_path: Path) -> None:
    asleep = Courier("experiment", store.uri)
    first = trial_run(asleep, tmp_path / "outbox")
    first.log_metrics({"loss": 0.5}, step=1)
    first.log_metrics({"loss": 0.4}, step=2)
    second = trial_run(post, tmp_path / "outbox")
    second.log_metrics({"loss": 0.4}, step=2)
    second.log_metrics({"loss": 0.3}, step=3)
    second.end("COMPLETE")
    assert not post.flush()
    left_behind(first)
    assert not post.settle(tmp_path / "outbox")
    assert epochs(store.client) == [(1, 0.5), (2, 0.4), (3, 0.3)]
    assert the_run(store.client).info.status == "FINISHED"


def test_a_replay_doubles_nothing(store: Store, post: Courier, tmp_path: Path) -> None:
    trial = trial_run(Courier("experiment", store.uri), tmp_path / "outbox")
    trial.log_metrics({"loss": 0.5}, step=1)
    trial.log_metrics({"objective": 0.5})
    trial.log_text("words", "notes.txt")
    trial.end("COMPLETE")
    envelope = left_behind(trial)
    shutil.copytree(envelope, tmp_path / "copy" / envelope.name)
    for outbox in (tmp_path / "outbox", tmp_path / "copy"):
        assert not post.settle(outbox)
        run = the_run(store.client)
        assert epochs(store.client) == [(1, 0.5)]
        assert len(store.client.get_metric_history(run.info.run_id, "objective")) == 1
        assert run.data.params == {"x": "[1, None]"}
        assert run.info.status == "FINISHED"


def test_what_mlflow_refuses_holds_nothing_up(store: Store, post: Courier, tmp_path: Path) -> None:
    trial = TrialRun(post, tmp_path / "outbox", "trial-0007", {"too long": "x" * 7000}, "s", 7, "parent")
    trial.log_metrics({"no such name!\n": 1.0})
    trial.end("COMPLETE")
    assert not post.flush()
    assert the_run(store.client).info.status == "FINISHED"


def test_an_outbox_that_cannot_be_written_fails_no_trial(
    post: Courier, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    with trial_run(post, tmp_path / "file/outbox") as trial:
        trial.log_metrics({"loss": 0.5}, step=1)
        trial.end("COMPLETE")
    (problem,) = caplog.messages
    assert problem.startswith(f"trial-0007 is not recorded in full: {tmp_path}/file/outbox cannot be written (")


def test_a_disk_that_is_full_for_a_while_costs_no_epoch(store: Store, post: Courier, tmp_path: Path) -> None:
    trial = trial_run(Courier("experiment", store.uri), tmp_path / "outbox")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        for epoch in range(1, 21):
            trial.log_metrics({"loss": 1 / epoch}, epoch)
        trial.log_text("x" * 20_000, "long.txt")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    trial.log_metrics({"loss": 1 / 21}, 21)
    trial.end("COMPLETE")
    assert trial._complained
    left_behind(trial)
    assert not post.settle(tmp_path / "outbox")
    assert [step for step, _ in epochs(store.client)] == list(range(1, 22))
    assert the_run(store.client).info.status == "FINISHED"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A real MLflow server, with its database in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.uri = folder, f"http://127.0.0.1:{free_port()}"

    def start(self) -> None:
        port, files = self.uri.rpartition(":")[2], ["--backend-store-uri", f"sqlite:///{self.folder}/server.db"]
        files += ["--artifacts-destination", str(self.folder / "artifacts")]
        self._process = start(["-m", "mlflow", "server", "--port", port, "--workers", "1", *files], self.folder)
        while unreachable(self.uri):
            assert self._process.poll() is None
            time.sleep(0.2)

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    server.start()
    yield server
    server.kill()


def test_the_patience_with_a_server_that_is_away_has_an_end(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        post = courier("experiment", f"http://127.0.0.1:{nobody.getsockname()[1]}", patience=0.5)
        trial = trial_run(post, tmp_path / "outbox")
        trial.log_metrics({"loss": 1.0}, 1)
        began = time.monotonic()
        assert post.flush() == waiting(tmp_path / "outbox") != []
    assert 0.5 <= time.monotonic() - began < 8


@pytest.mark.slow
def test_a_server_that_dies_and_comes_back_has_all_once_and_in_order(server: Server, tmp_path: Path) -> None:
    post = courier("experiment", server.uri)
    client = MlflowClient(server.uri)
    trial = trial_run(post, tmp_path / "outbox")
    assert trial._envelope is not None
    slowest = 0.0
    for epoch in range(1, 301):
        if epoch == 100:
            while trial._envelope._delivered < 1000:  # bytes: some of the epochs
                time.sleep(0.01)
            server.kill()
        if epoch == 200:
            time.sleep(3)
            server.start()
        started = time.monotonic()
        trial.log_metrics({"loss": 1 / epoch, "accuracy": 0.5}, epoch)
        slowest = max(slowest, time.monotonic() - started)
        time.sleep(0.01)
    trial.log_text("words", "notes.txt")
    trial.end("COMPLETE")
    assert slowest < 0.5, "no epoch waits for the server"
    assert not post.flush()
    assert epochs(client) == [(epoch, pytest.approx(1 / epoch)) for epoch in range(1, 301)]
    run = the_run(client)
    assert run.info.status == "FINISHED"
    assert Path(client.download_artifacts(run.info.run_id, "notes.txt")).read_text() == "words"


KILLED = """
import os, signal, sys
from pathlib import Path
import keras
from src.tracking import TrialRun, courier
trial = TrialRun(courier("experiment", sys.argv[1]), Path("outbox"), "trial-0007", {"x": 1}, "s", 7, "parent")
for epoch in (1, 2, 3):
    trial.log_metrics({"loss": 1 / epoch}, epoch)
trial.log_metrics({"objective": 0.5})
trial.log_model(keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]))
os.kill(os.getpid(), signal.SIGKILL)
"""
LOAD = """
import sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
print(mlflow.keras.load_model(f"models:/{sys.argv[2]}").count_params())
"""


LEAVING = """
from functools import partial
from pathlib import Path
import numpy as np
from src.report import confusion_matrix
from src.tracking import TrialRun, courier, open_store
open_store("experiment", None)
trial = TrialRun(courier("experiment", None), Path("outbox"), "trial-0007", {"x": 1}, "s", 7, "parent")
for i in range(20):
    trial.log_figure(partial(confusion_matrix, np.eye(10, dtype=int), ["a"] * 10, "title"), f"{i}.png")
trial.end("COMPLETE")
"""


@pytest.mark.slow
def test_a_process_may_end_while_its_record_is_delivered(store: Store, post: Courier, tmp_path: Path) -> None:
    for _ in range(3):
        leaving = start(["-c", LEAVING], tmp_path)
        _, err = leaving.communicate(timeout=120)
        assert (leaving.returncode, err) == (0, "")
        assert not post.settle(tmp_path / "outbox")
        assert len(store.client.list_artifacts(the_run(store.client).info.run_id)) == 20


@pytest.mark.slow
def test_what_a_killed_process_left_is_delivered_by_the_next(server: Server, tmp_path: Path) -> None:
    server.kill()
    killed = start(["-c", KILLED, server.uri], tmp_path)
    killed.communicate(timeout=120)
    assert killed.returncode == -signal.SIGKILL
    shutil.copytree(tmp_path / "outbox", tmp_path / "copy")
    server.start()
    post, client = courier("experiment", server.uri), MlflowClient(server.uri)
    assert not post.settle(tmp_path / "outbox")
    assert not post.settle(tmp_path / "copy")
    assert epochs(client) == [(1, 1.0), (2, 0.5), (3, pytest.approx(1 / 3))]
    run = the_run(client)
    assert run.info.status == "RUNNING", "the study's end says what became of it"
    (kept,) = client.search_logged_models([run.info.experiment_id])
    assert kept.status == "READY"
    assert kept.model_id == run.data.tags["convsweep.model"]
    assert run.outputs is not None
    assert [output.model_id for output in run.outputs.model_outputs] == [kept.model_id]
    assert [(metric.key, metric.value) for metric in kept.metrics or []] == [("objective", 0.5)]
    # Anybody can load it, without the project.
    loaded = subprocess.run(
        [sys.executable, "-I", "-c", LOAD, server.uri, kept.model_id],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded.stdout.strip() == "15"
