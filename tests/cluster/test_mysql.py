"""A study in a real MariaDB, as `storage=mysql` has it: two drivers share it and no file, the password is nowhere."""

from pathlib import Path

import optuna
import pytest
from mlflow import MlflowClient

from tests.helpers.command import start
from tests.helpers.mariadb import PASSWORD, mariadb

__all__ = ["mariadb"]


@pytest.mark.cluster
def test_two_drivers_share_a_study_in_mysql(tmp_path: Path, mariadb: int) -> None:
    where = {"MYSQL_HOST": "127.0.0.1", "MYSQL_TCP_PORT": str(mariadb), "MYSQL_USER": "sweeps"}
    environment = {**where, "MYSQL_DATABASE": "sweeps", "CONVSWEEP_STORAGE_PASSWORD": PASSWORD}
    space = ["model=mlp", "model.dense_units=int(interval(4,64))", "model.dropout=interval(0,0.5)", "training.epochs=4"]
    search = [*space, "dataset.limit=200", "hydra.sweeper.n_trials=12", "hydra.sweeper.study_name=s"]
    folders = [tmp_path / "one", tmp_path / "two"]
    drivers = []
    for folder in folders:
        folder.mkdir()
        command = ["-m", "src.sweep", "-m", "storage=mysql", *search, "hydra.sweeper.n_jobs=1"]
        cache = {"XDG_CACHE_HOME": str(folder / "cache")}  # two machines that share nothing
        drivers.append(start(command, folder, **environment, **cache))
    for driver in drivers:
        out, err = driver.communicate(timeout=240)
        assert driver.returncode == 0, err
        assert PASSWORD not in out + err
    storage = optuna.storages.RDBStorage(f"mysql+pymysql://sweeps:{PASSWORD}@127.0.0.1:{mariadb}/sweeps")
    trials = optuna.load_study(study_name="s", storage=storage).trials
    assert [trial.number for trial in trials] == list(range(12))
    assert {trial.state.name for trial in trials} <= {"COMPLETE", "PRUNED"}
    assert any(len(trial.intermediate_values) == 4 for trial in trials), "the answer was trained to its end"
    written = [(folder / "multirun/s/optimization_results.yaml").read_text() for folder in folders]
    assert written[0] == written[1]
    assert all(list(folder.glob("cache/convsweep/*/entry.json")) for folder in folders), "each decoded the images"
    for folder in folders:
        client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
        runs = client.search_runs(["1"])
        (study,) = [run.info.run_id for run in runs if run.data.tags["convsweep.role"] == "study"]
        below = [run.data.tags for run in runs if run.data.tags.get("mlflow.parentRunId") == study]
        ended = {int(tags["convsweep.trial"]): tags["convsweep.state"] for tags in below}
        assert len(below) == len(ended) == len(runs) - 1
        assert ended == {trial.number: trial.state.name for trial in trials}
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(PASSWORD.encode() in path.read_bytes() for path in kept)
