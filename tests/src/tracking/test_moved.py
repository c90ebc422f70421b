"""A project's folder that is moved or copied takes the files of its runs along."""

import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient

from src.tracking import Address, Store, courier, follow, look_up, open_address
from src.tracking.lookup import Database
from src.tracking.moved import moved_along
from tests.helpers.mlflow import the_run, trial_run
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


def test_what_waits_goes_to_the_database_that_was_moved_along(tmp_path: Path) -> None:
    old, new = tmp_path / "old" / "project", tmp_path / "new" / "name"
    new.mkdir(parents=True)
    (new / "mlflow.db").touch()
    boxes = [root / "multirun" / "s" / "outbox" for root in (old, new)]
    here = Address(f"sqlite:///{old}/mlflow.db", "mine")
    assert moved_along(here, *boxes) == Address(f"sqlite:///{new}/mlflow.db", "mine")
    assert moved_along(here, boxes[0], boxes[0]) == here
    for elsewhere in (f"sqlite:///{old}/other.db", f"sqlite:///{tmp_path}/mlflow.db", "http://host:5000"):
        assert moved_along(Address(elsewhere, "mine"), *boxes).uri == elsewhere


@pytest.mark.slow
def test_a_moved_projects_undelivered_records_arrive(store: Store, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    shutil.copy(store.address.database or "", project / "mlflow.db")
    trial_run(Address(f"sqlite:///{project}/mlflow.db", "mine"), project / "multirun/s/outbox", 1).end("COMPLETE")
    moved = project.rename(tmp_path / "moved")
    post = courier("mine", f"sqlite:///{moved}/mlflow.db")
    assert post.settle(moved / "multirun/s/outbox") == []
    assert the_run(MlflowClient(f"sqlite:///{moved}/mlflow.db"), 1).info.status == "FINISHED"
    assert not project.exists()
