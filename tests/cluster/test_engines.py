"""Sweeps on real engines: a Slurm of one machine and a local Ray. `make test-cluster` installs them and runs this."""

import contextlib
import importlib.util
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from optuna import load_study
from optuna.storages import RDBStorage

from tests.helpers.command import ROOT, run, start, states, trials, wait_for
from tests.helpers.postgresql import PASSWORD, Server, server
from tests.helpers.slurm import slurm

__all__ = ["server", "slurm"]

TOY = str(ROOT / "tests/helpers/toy/app.py")
SLURM = ["hydra/launcher=submitit_slurm", "hydra.sweeper.n_jobs=2", "hydra.launcher.cpus_per_task=1"]


def jobs(conf: Path) -> list[str]:
    """Return the ids of the jobs that run."""
    environment = {**os.environ, "SLURM_CONF": str(conf)}
    command = ["squeue", "--noheader", "--states=RUNNING", "--format=%A"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()


def queued(conf: Path) -> list[str]:
    """Return the ids of the jobs that wait."""
    environment = {**os.environ, "SLURM_CONF": str(conf)}
    command = ["squeue", "--noheader", "--states=PENDING", "--format=%A"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()


def hold(conf: Path) -> None:
    """Let the jobs that wait do so for ever, as on a cluster where others are always first."""
    subprocess.run(["scontrol", "hold", *queued(conf)], env={**os.environ, "SLURM_CONF": str(conf)}, check=True)


def requeue(conf: Path, job: str) -> None:
    subprocess.run(["scontrol", "requeue", job], env={**os.environ, "SLURM_CONF": str(conf)}, check=True)


@pytest.mark.cluster
def test_slurm_runs_a_sweep_whose_study_is_in_postgresql(
    tmp_path: Path, slurm: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that a user types, and the environment that Slurm hands on."""
    where = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": "postgres", "PGDATABASE": "slurm"}
    address = server.create("slurm")
    search = ["optimizer=adam,rmsprop", "model.filters=4,6", "training.epochs=2", "dataset.limit=200"]
    command = ["-m", "src.sweep", "-m", "launcher=slurm", "storage=postgresql", *search, "hydra.sweeper.study_name=s"]
    jobs = ["hydra.sweeper.n_jobs=2", "hydra.launcher.cpus_per_task=1"]
    done = run([*command, *jobs], tmp_path, SLURM_CONF=str(slurm), **where, **server.env)
    assert done.returncode == 0, done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(PASSWORD.encode() in path.read_bytes() for path in kept), "also not in what submitit pickles"
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    storage = RDBStorage(address)
    found = load_study(study_name="s", storage=storage).trials
    storage.engine.dispose()
    assert [trial.state.name for trial in found] == ["COMPLETE"] * 4
    assert len({tuple(trial.system_attrs["convsweep:worker"][:2]) for trial in found}) == 2, "two jobs"


@pytest.mark.cluster
def test_a_job_that_slurm_takes_back_hands_its_trial_back_and_queues_again(tmp_path: Path, slurm: Path) -> None:
    command = [TOY, "-m", "x=range(0,4)", "seconds=12", "steps=12", *SLURM, "hydra.sweeper.heartbeat=2"]
    driver = start(command, tmp_path, SLURM_CONF=str(slurm))
    wait_for(tmp_path, "RUNNING", 2)
    time.sleep(3)
    requeue(slurm, jobs(slurm)[0])
    while states(tmp_path)["RUNNING"] == 2:
        time.sleep(0.2)
    handed_back = [trial for trial in trials(tmp_path) if trial.state.name == "WAITING" and trial.intermediate_values]
    _, err = driver.communicate(timeout=280)
    assert driver.returncode == 0, err
    assert len(handed_back) == 1, "at its next step, long before anybody missed its signs of life"
    assert queued(slurm) == []
    assert states(tmp_path) == {"COMPLETE": 4}
    assert not any("convsweep:retries" in trial.system_attrs for trial in trials(tmp_path))


@pytest.mark.cluster
def test_jobs_that_still_queue_do_not_hold_up_the_end(tmp_path: Path, slurm: Path) -> None:
    environment = {**os.environ, "SLURM_CONF": str(slurm)}
    busy = ["sbatch", "--parsable", f"--cpus-per-task={(os.cpu_count() or 1) - 1}", "--output=/dev/null"]
    other = subprocess.run([*busy, "--wrap=sleep 600"], env=environment, check=True, capture_output=True, text=True)
    try:
        command = [TOY, "-m", "x=range(0,40)", "seconds=0.5", *SLURM, "hydra.sweeper.n_trials=40"]
        driver = start(command, tmp_path, SLURM_CONF=str(slurm))
        wait_for(tmp_path, "COMPLETE", 2)
        assert len(queued(slurm)) == 1, "there is room for one worker"
        hold(slurm)
        driver.send_signal(signal.SIGINT)
        out, err = driver.communicate(timeout=60)
        assert driver.returncode == 130, err
        assert "resume   " in out
        assert queued(slurm) == []
        again = start(command, tmp_path, SLURM_CONF=str(slurm))
        wait_for(tmp_path, "COMPLETE", 20)
        hold(slurm)
        _, err = again.communicate(timeout=200)
        assert again.returncode == 0, err
        assert queued(slurm) == []
    finally:
        subprocess.run(["scancel", other.stdout.strip()], env=environment, check=True)
    assert states(tmp_path) == {"COMPLETE": 40}
    assert not any("convsweep:retries" in trial.system_attrs for trial in trials(tmp_path))


@pytest.mark.cluster
@pytest.mark.timeout(600)
def test_a_job_whose_time_is_up_hands_its_trial_back_and_queues_again(tmp_path: Path, slurm: Path) -> None:
    # Slurm keeps time in minutes: signals come up to a minute early, 10 s before the minute's end at the latest.
    limit = ["hydra.launcher.timeout_min=1", "hydra.launcher.signal_delay_s=10", "hydra.launcher.max_num_timeout=9"]
    one = ["hydra/launcher=submitit_slurm", "hydra.sweeper.n_jobs=1", "hydra.launcher.cpus_per_task=1"]
    # A job runs for 20 to 50 s here, and then queues for two minutes.
    command = [TOY, "-m", "x=range(0,9)", "seconds=6", "steps=6", *one, *limit, "hydra.sweeper.heartbeat=2"]
    driver = start(command, tmp_path, SLURM_CONF=str(slurm))
    _, err = driver.communicate(timeout=580)
    assert driver.returncode == 0, err
    assert states(tmp_path) == {"COMPLETE": 9}
    assert not any("convsweep:retries" in trial.system_attrs for trial in trials(tmp_path))
    assert len({trial.user_attrs["pid"] for trial in trials(tmp_path)}) >= 2, "a second job went on"
    logs = "".join(path.read_text() for path in tmp_path.glob("multirun/toy/.submitit/*/*/*.out"))
    assert "timed-out" in logs + "".join(path.read_text() for path in tmp_path.glob("multirun/toy/.submitit/*/*/*.err"))


@pytest.mark.cluster
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs Ray: make test-cluster")
def test_ray_runs_a_sweep_and_a_killed_worker_costs_no_trial(tmp_path: Path) -> None:
    two = ["hydra/launcher=ray", "hydra.sweeper.n_jobs=2", "+hydra.launcher.ray.init.num_cpus=2"]
    command = [TOY, "-m", "x=range(0,8)", "seconds=1.5", *two, "hydra.sweeper.heartbeat=1"]
    driver = start(command, tmp_path)
    wait_for(tmp_path, "RUNNING", 2)
    time.sleep(0.5)
    worker = next(
        trial.system_attrs["convsweep:worker"][1] for trial in trials(tmp_path) if trial.state.name == "RUNNING"
    )
    keeper = int(Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(keeper, signal.SIGKILL)
    _, err = driver.communicate(timeout=280)
    assert driver.returncode == 0, err
    assert states(tmp_path) == {"COMPLETE": 8}
    assert sorted(trial.params["x"] for trial in trials(tmp_path)) == list(range(8))


@pytest.fixture
def ray_cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Start a Ray of two nodes with a core each, elsewhere and without an environment, as another user would."""
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="needs Ray: make test-cluster")
    with monkeypatch.context() as elsewhere:
        elsewhere.chdir("/")
        for name in list(os.environ):
            if name.startswith(("PG", "MLFLOW", "PYTHONPATH")):
                elsewhere.delenv(name)
        cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        cluster.second = cluster.add_node(num_cpus=1)
    yield cluster
    cluster.shutdown()


def trained_on_two_nodes(storage: RDBStorage) -> bool:
    """Whether two trials run, and have reported an epoch."""
    with contextlib.suppress(KeyError):  # no study yet
        running = [
            trial for trial in load_study(study_name="s", storage=storage).trials if trial.state.name == "RUNNING"
        ]
        return len([trial for trial in running if trial.intermediate_values]) == 2
    return False


@pytest.mark.cluster
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Ray's own pipes
def test_a_node_of_ray_that_dies_costs_no_trial(tmp_path: Path, ray_cluster: Any, server: Server) -> None:
    port, user = str(server.port), {"PGUSER": "postgres", "PGDATABASE": "postgres"}
    where = {"PGHOST": "127.0.0.1", "PGPORT": port, **user, "RAY_ADDRESS": ray_cluster.address}
    passwords = Path.home() / ".pgpass"  # as each node has it
    earlier = passwords.read_bytes() if passwords.exists() else None
    passwords.write_text(f"127.0.0.1:{port}:postgres:postgres:{PASSWORD}\n")
    passwords.chmod(0o600)
    search = ["model.filters=4,6,8,10", "training.epochs=6", "dataset.limit=400", "training.batch_size=8"]
    command = ["-m", "src.sweep", "-m", "launcher=ray", "storage=postgresql", *search, "hydra.sweeper.n_jobs=2"]
    storage = RDBStorage(server.address().replace("postgres@", f"postgres:{PASSWORD}@"))
    try:
        driver = start([*command, "hydra.sweeper.study_name=s", "hydra.sweeper.heartbeat=1"], tmp_path, **where)
        while not trained_on_two_nodes(storage):
            assert driver.poll() is None, driver.communicate()
            time.sleep(0.2)
        ray_cluster.remove_node(ray_cluster.second, allow_graceful=False)
        out, err = driver.communicate(timeout=280)
    finally:
        passwords.unlink() if earlier is None else passwords.write_bytes(earlier)
    assert driver.returncode == 0, out + err
    assert PASSWORD not in out + err
    found = load_study(study_name="s", storage=storage).trials
    storage.engine.dispose()
    assert [(trial.state.name, len(trial.intermediate_values)) for trial in found] == [("COMPLETE", 6)] * 4
    assert (tmp_path / "mlflow.db").exists(), "where the command was typed"
    assert len(list((tmp_path / "multirun/s").glob("trial-*"))) == 4
