"""MLflow's records: where they go, and that a study taken up again is the same run."""

from pathlib import Path

import pytest

from src.tracking import Store, StudyRun, TrialRun, open_store
from src.tracking.store import tracking_uri


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return open_store("experiment", None)


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


def test_a_study_taken_up_again_is_the_same_run(store: Store) -> None:
    first = StudyRun(store, "s", "command one")
    first.end(finished=False)
    assert store.client.get_run(first.run_id).info.status == "KILLED"
    second = StudyRun(store, "s", "command two")
    assert second.run_id == first.run_id
    assert store.client.get_run(first.run_id).info.status == "RUNNING"
    assert StudyRun(store, "other", "command").run_id != first.run_id
    second.end(finished=True)
    assert store.client.get_run(first.run_id).info.status == "FINISHED"


@pytest.mark.parametrize(("state", "status"), [("COMPLETE", "FINISHED"), ("PRUNED", "KILLED"), ("FAIL", "FAILED")])
def test_a_trial_ends_in_its_state(store: Store, state: str, status: str) -> None:
    parent = StudyRun(store, "s", "command")
    trial = TrialRun(store, "trial-0007", {"x": [1, None]}, "s", 7, parent.run_id)
    trial.log_metrics({"loss": 0.5, "accuracy": 0.9}, step=1)
    trial.log_metrics({"loss": 0.25}, step=2)
    trial.end(state)
    run = store.client.get_run(trial.run_id)
    assert run.info.status == status
    assert run.info.run_name == "trial-0007"
    assert run.data.tags["convsweep.state"] == state
    assert run.data.tags["convsweep.trial"] == "7"
    assert run.data.tags["mlflow.parentRunId"] == parent.run_id
    assert run.data.params == {"x": "[1, None]"}
    assert [(m.step, m.value) for m in store.client.get_metric_history(trial.run_id, "loss")] == [(1, 0.5), (2, 0.25)]


def test_an_interrupted_trial_goes_on_in_its_run(store: Store) -> None:
    parent = StudyRun(store, "s", "command")
    first = TrialRun(store, "trial-0000", {"x": 1}, "s", 0, parent.run_id)
    again = TrialRun(store, "trial-0000", {"x": 1}, "s", 0, parent.run_id, first.run_id)
    assert again.run_id == first.run_id


def test_best_value_is_of_this_study_and_of_complete_trials(store: Store) -> None:
    for study, number, value, state in (("s", 0, 0.5, "COMPLETE"), ("s", 1, 0.9, "PRUNED"), ("t", 0, 0.8, "COMPLETE")):
        run = TrialRun(store, "trial", {}, study, number, "parent")
        run.log_metrics({"objective": value})
        run.end(state)
    assert run.best_value("s", maximize=True) == 0.5
    assert run.best_value("nothing", maximize=True) is None
