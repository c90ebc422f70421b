"""Nothing waits for MLflow: who imports it, and when; and that all arrives once, whatever is killed meanwhile."""

import os
import signal
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from tests.helpers.command import ROOT, run, start, wait_for
from tests.helpers.mlflow import Server

# Each process writes down when it imports one of them.
WATCH = """
import os, sys, time
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in ("mlflow.tracking", "matplotlib.figure"):
            with open(os.environ["IMPORTED"], "a") as file:
                file.write(f"{os.getpid()} {name} {time.time()}\\n")
sys.meta_path.insert(0, Watch())
"""
SWEEP = ["-m", "src.sweep", "-m", "hydra.sweeper.study_name=s", "hydra.sweeper.n_jobs=2"]


def trial_runs(uri: str) -> list[Run]:
    client = MlflowClient(uri)
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    return client.search_runs(ids, "tags.`convsweep.role` = 'trial'")


def steps(uri: str, run: Run) -> list[int]:
    return [metric.step for metric in MlflowClient(uri).get_metric_history(run.info.run_id, "train/loss")]


@pytest.mark.slow
def test_workers_import_no_mlflow_and_the_driver_only_when_a_trial_trains(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WATCH)
    imported, paths = tmp_path / "imported.txt", os.pathsep.join([str(tmp_path), str(ROOT)])
    driver = start([*SWEEP, "optimizer=adam,rmsprop", "training.epochs=3"], tmp_path,
                   PYTHONPATH=paths, IMPORTED=str(imported))  # fmt: skip
    out, err = driver.communicate(timeout=240)
    assert driver.returncode == 0, out + err
    who = [line.split() for line in imported.read_text().splitlines()]
    assert {int(pid) for pid, _, _ in who} == {driver.pid}
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    runs = trial_runs(uri)
    first = min(
        metric.timestamp
        for run in runs
        for metric in MlflowClient(uri).get_metric_history(run.info.run_id, "train/loss")
    )
    assert min(float(at) for _, _, at in who) > first / 1000
    assert sorted(steps(uri, one) for one in runs) == [[1, 2, 3]] * 2
    assert any("convsweep.model" in one.data.tags for one in runs)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_all_arrives_once_when_server_and_driver_die_and_come_back(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.start()
    command = [*SWEEP, "optimizer=adam,rmsprop,sgd", "training.epochs=6", f"tracking.uri={server.uri}"]
    driver = start(command, tmp_path)
    wait_for(tmp_path, "RUNNING", name="s")
    server.kill()
    wait_for(tmp_path, "COMPLETE", name="s")
    os.kill(driver.pid, signal.SIGKILL)
    driver.communicate()
    server.start()
    again = run(command, tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    runs = trial_runs(server.uri)
    assert sorted(one.info.run_name or "" for one in runs) == ["trial-0000", "trial-0001", "trial-0002"]
    assert [steps(server.uri, one) for one in runs] == [[1, 2, 3, 4, 5, 6]] * 3
    assert len({one.data.tags["mlflow.parentRunId"] for one in runs}) == 1
    assert not [path for path in (tmp_path / "multirun/s/outbox").iterdir() if not path.name.startswith(".")]
    server.kill()
