"""What a trial records, and what becomes of it in MLflow."""

import resource
import shutil
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from src.report import confusion_matrix
from src.tracking import Courier, Store, TrialRun, waiting
from tests.helpers.mlflow import epochs, left_behind, the_run, trial_run


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


def test_what_an_earlier_attempt_left_comes_late_and_in_place(store: Store, post: Courier, tmp_path: Path) -> None:
    first = trial_run(store.address, tmp_path / "outbox")
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
    trial = trial_run(store.address, tmp_path / "outbox")
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
    trial = trial_run(store.address, tmp_path / "outbox")
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
