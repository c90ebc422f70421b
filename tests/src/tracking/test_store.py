"""Where MLflow is, and whether it answers."""

import time
from pathlib import Path

import pytest

from src.tracking import Store, open_store, tracking_uri, unreachable
from tests.helpers.mlflow import free_port


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
