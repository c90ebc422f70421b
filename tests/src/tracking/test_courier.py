"""Records arrive once and in order, whatever happens to the server and to those who write and deliver."""

import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient

from src.tracking import Address, Courier, Store, StudyRun, TrialRun, courier, is_served, waiting
from tests.helpers.command import start
from tests.helpers.mlflow import Server, epochs, the_run, trial_run


def test_the_patience_with_a_server_that_is_away_has_an_end(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        post = courier("experiment", f"http://127.0.0.1:{nobody.getsockname()[1]}", patience=0.5)
        trial = trial_run(post, tmp_path / "outbox")
        trial.log_metrics({"loss": 1.0}, 1)
        trial.end("COMPLETE")
        began = time.monotonic()
        assert post.flush() == waiting(tmp_path / "outbox") != []
    assert 0.5 <= time.monotonic() - began < 8


def test_a_record_goes_where_it_was_meant_to_go_whoever_delivers_it(
    store: Store, post: Courier, database: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(database, other)
    left = Address(f"sqlite:///{other}/mlflow.db", "meant"), Address(store.uri, "another")
    for number, address in enumerate(left):
        trial_run(address, tmp_path / "outbox", number).end("COMPLETE")
    assert not post.settle(tmp_path / "outbox")
    for number, address in enumerate(left):
        client = MlflowClient(address.uri)
        run = the_run(client, number)
        experiment = client.get_experiment(run.info.experiment_id)
        assert experiment.name == address.experiment
        assert experiment.artifact_location == (Path(address.uri.removeprefix("sqlite:///")).parent / "mlruns").as_uri()


def test_what_can_never_be_delivered_says_so_at_once_and_holds_nothing_up(
    store: Store, post: Courier, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.client.delete_experiment(store.client.create_experiment("gone"))
    lost = trial_run(Address(store.uri, "gone"), tmp_path / "outbox", 1)
    lost.end("COMPLETE")
    trial_run(store.address, tmp_path / "outbox", 2).end("COMPLETE")
    began = time.monotonic()
    (left,) = post.settle(tmp_path / "outbox")
    assert time.monotonic() - began < 5
    assert left.stem == "trial-0001"
    assert "the experiment gone at sqlite:" in post.why(left)
    assert "has been deleted; type another one, e.g. tracking.experiment=gone-2, or restore it" in post.why(left)
    assert caplog.messages == [f"{post.why(left)}; what is recorded waits in {tmp_path}/outbox"]
    assert the_run(store.client, 2).info.status == "FINISHED"
    gone = store.client.get_experiment_by_name("gone")
    assert gone is not None
    store.client.restore_experiment(gone.experiment_id)
    another = courier("experiment", None, patience=9)
    assert not another.settle(tmp_path / "outbox")


def test_an_outbox_is_served_while_others_write_to_it(store: Store, post: Courier, tmp_path: Path) -> None:
    outbox, asked = tmp_path / "outbox", []

    def parent_of(store: Store, driver: str) -> str | None:
        asked.append(driver)
        return "the-run" if len(asked) > 1 else None

    assert not is_served(outbox)
    post.serve(outbox, parent_of)
    assert is_served(outbox)
    trial = TrialRun(store.address, outbox, "trial-0007", {}, "s", 7, driver="0a1b")
    trial.log_metrics({"loss": 0.5}, 1)
    while not store.client.search_runs([store.experiment_id]) or not epochs(store.client):
        time.sleep(0.05)
    assert asked == ["0a1b", "0a1b"], "asked again until there is one, and then no more"
    tags = the_run(store.client).data.tags
    assert tags["mlflow.parentRunId"] == "the-run"
    assert tags["convsweep.record"] == "the-run/7"
    trial.end("COMPLETE")
    assert not post.settle(outbox)
    post.leave()
    assert not is_served(outbox)


def test_who_delivers_himself_finds_the_run_of_the_study(store: Store, post: Courier, tmp_path: Path) -> None:
    trial = TrialRun(post, tmp_path / "outbox", "trial-0007", {}, "s", 7, driver="0a1b")
    trial.end("COMPLETE")
    run = StudyRun(store, "s", "command")
    run.take_driver("0a1b")
    assert not post.flush()
    assert the_run(store.client).data.tags["mlflow.parentRunId"] == run.run_id


@pytest.mark.slow
def test_a_server_that_dies_and_comes_back_has_all_once_and_in_order(server: Server, tmp_path: Path) -> None:
    post = courier("experiment", server.uri)
    client = MlflowClient(server.uri)
    trial = trial_run(post, tmp_path / "outbox")
    slowest = 0.0
    for epoch in range(1, 301):
        if epoch == 100:
            while post._deliveries[0]._delivered < 1000:  # bytes: some of the epochs
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
