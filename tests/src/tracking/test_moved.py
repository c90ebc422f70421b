"""A project's folder that is moved or copied takes the files of its runs along."""

import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient

from src.tracking import Address, Store, follow, look_up, open_address
from src.tracking.lookup import Database
from tests.src.tracking.test_lookup import filled


@pytest.mark.slow
def test_a_copy_has_files_of_its_own(store: Store, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    client, run_id = filled(store)
    assert follow(tmp_path / "mlflow.db") == []
    copy = tmp_path_factory.mktemp("a copy") / "project"  # a space: addresses have %20
    shutil.copytree(tmp_path, copy)
    late = store.client.create_run(store.experiment_id).info.run_id
    store.client.log_text(late, "text", "late.txt")
    shutil.copy(tmp_path / "mlflow.db", copy)  # the database after its files
    before = (tmp_path / "mlflow.db").read_bytes()
    lookup = look_up(f"sqlite:///{copy}/mlflow.db")
    assert isinstance(lookup, Database)
    run = lookup.run(run_id)
    assert run is not None
    assert lookup.fetch(run.artifacts, "config.yaml").is_relative_to(copy)

    there = open_address(Address(f"sqlite:///{copy}/mlflow.db", "experiment"))
    new = there.client.create_run(there.experiment_id).info.run_id
    there.client.log_text(new, "text", "new.txt")
    assert list(copy.glob(f"mlruns/{new}/artifacts/new.txt"))
    assert not (tmp_path / "mlruns" / new).exists()
    known = there.client.get_run(run_id).info.artifact_uri, lookup.location(run.model_id or ""), *(
        version.source for version in lookup.versions()
    )  # fmt: skip
    assert all(str(address).startswith(f"{copy.as_uri()}/mlruns/") for address in known)
    assert str(there.client.get_run(late).info.artifact_uri).startswith(tmp_path.as_uri()), "its files are there alone"
    assert follow(copy / "mlflow.db") == []
    assert (tmp_path / "mlflow.db").read_bytes() == before
    assert str(client.get_run(run_id).info.artifact_uri).startswith(tmp_path.as_uri())


@pytest.mark.slow
def test_files_that_are_kept_elsewhere_stay_there(store: Store, tmp_path: Path) -> None:
    other = tmp_path / "other/mlruns"
    experiment = store.client.create_experiment("elsewhere", artifact_location=other.as_uri())
    run_id = store.client.create_run(experiment).info.run_id
    store.client.log_text(run_id, "text", "file.txt")
    (tmp_path / "mlruns").mkdir(exist_ok=True)
    assert follow(tmp_path / "mlflow.db") == []
    assert MlflowClient(store.uri).get_run(run_id).info.artifact_uri == f"{other.as_uri()}/{run_id}/artifacts"
    (tmp_path / "text.db").write_text("no database")
    assert follow(tmp_path / "text.db") == follow(tmp_path / "none.db") == follow(None) == []
