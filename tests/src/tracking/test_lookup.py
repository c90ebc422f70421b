"""What MLflow holds is found the same with MLflow and without it."""

from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric

from src.tracking import NotHere, Store, look_up, open_store
from src.tracking.lookup import Database
from src.tracking.lookup_client import Client
from src.tracking.store import MODEL_ID, ROLE, STUDY, TRIAL
from tests.helpers.mlflow import Server, free_port


def filled(store: Store) -> tuple[MlflowClient, str]:
    """Put a study with two trials, one of them deleted, a kept model and a registered one into a store."""
    client, experiment = store.client, store.experiment_id
    client.create_run(experiment, tags={ROLE: "study", STUDY: "it's"}, run_name="it's", start_time=1)
    ids = []
    for number in (0, 1):
        tags = {ROLE: "trial", STUDY: "it's", TRIAL: str(number)}
        ids.append(client.create_run(experiment, tags=tags, start_time=2 + number).info.run_id)
    client.delete_run(ids[1])
    client.log_batch(ids[0], [Metric("loss", 0.1 + epoch, epoch, epoch) for epoch in (1, 2)])
    client.log_text(ids[0], "text", "config.yaml")
    model = client.create_logged_model(experiment, "model", ids[0])
    client.set_tag(ids[0], MODEL_ID, model.model_id)
    client.create_registered_model("mine")
    for _ in range(2):
        client.create_model_version("mine", model.artifact_location, ids[0], model_id=model.model_id)
    client.set_registered_model_alias("mine", "champion", "1")
    return client, ids[0]


def test_a_database_is_asked_without_mlflow_and_says_the_same(store: Store, tmp_path: Path) -> None:
    client, run_id = filled(store)
    quick, slow = look_up(None), Client(store.uri)
    assert isinstance(quick, Database)
    assert quick.studies() == slow.studies() == ["it's"]
    assert [run.trial for run in quick.runs("it's")] == [0, None]
    assert quick.runs("it's") == slow.runs("it's")
    assert quick.called("it's") == slow.called("it's") == [run for run in quick.runs("it's") if run.is_study]
    run = quick.run(run_id)
    assert run is not None
    assert run == slow.run(run_id)
    assert (run.metrics["loss"], run.is_study, run.study) == (2.1, False, "it's")
    assert quick.history(run_id, "loss") == slow.history(run_id, "loss") == {1: 1.1, 2: 2.1}
    location = quick.location(run.model_id or "")
    assert location
    assert location == slow.location(run.model_id or "")
    assert quick.versions() == slow.versions()
    assert [(version.version, version.aliases) for version in quick.versions()] == [("2", ()), ("1", ("champion",))]
    for lookup in (quick, slow):
        assert lookup.fetch(run.artifacts, "config.yaml").read_text() == "text"
        assert lookup.run("0" * 32) is lookup.location("m-none") is None
        with pytest.raises(NotHere):
            lookup.fetch(run.artifacts, "none.txt")
    client.delete_logged_model(run.model_id or "")
    assert quick.location(run.model_id or "") is None


def test_a_folder_that_was_moved_is_found_beside_its_database(store: Store, tmp_path: Path) -> None:
    _, run_id = filled(store)
    run = look_up(None).run(run_id)
    assert run is not None
    moved = tmp_path.parent / f"{tmp_path.name}-moved"
    tmp_path.rename(moved)
    assert look_up(f"sqlite:///{moved}/mlflow.db").fetch(run.artifacts, "config.yaml").read_text() == "text"
    moved.rename(tmp_path)


def test_a_store_that_is_not_there_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(NotHere, match=r"mlflow\.db is not there: nothing is recorded here yet"):
        look_up(None)
    assert not list(tmp_path.iterdir())
    with pytest.raises(NotHere, match="no MLflow server answers"):
        look_up(f"http://127.0.0.1:{free_port()}")
    gone = Client(f"http://127.0.0.1:{free_port()}")
    for ask in (gone.studies, gone.versions, lambda: gone.run("0" * 32)):
        with pytest.raises(NotHere, match="MLflow does not answer: "):
            ask()
    (tmp_path / "mlflow.db").write_text("no database")
    with pytest.raises(NotHere, match="cannot be read as a database of MLflow's"):
        look_up(None).studies()


@pytest.mark.slow
def test_a_server_is_asked_and_its_files_are_fetched(server: Server) -> None:
    _, run_id = filled(open_store("experiment", server.uri))
    lookup = look_up(server.uri)
    assert isinstance(lookup, Client)
    run = lookup.run(run_id)
    assert run is not None
    assert lookup.studies() == ["it's"]
    assert [version.version for version in lookup.versions()] == ["2", "1"]
    place = lookup.fetch(run.artifacts, "config.yaml")
    assert place.read_text() == "text"
    location = lookup.location(run.model_id or "")
    assert location
    MlflowClient(server.uri).log_model_artifacts(run.model_id or "", str(place.parent))
    assert (lookup.fetch(location) / "config.yaml").read_text() == "text"
    with pytest.raises(NotHere, match=r"none\.txt cannot be fetched"):
        lookup.fetch(run.artifacts, "none.txt")
