"""Studies in a real PostgreSQL: several drivers, dead workers, a server that goes away, and no password anywhere."""

import os
import signal
import socket
import subprocess
import time
from collections import Counter
from pathlib import Path

import optuna
import pytest
from mlflow import MlflowClient
from optuna.trial import FrozenTrial

from src.tracking import unreachable
from tests.helpers.command import ROOT, run, start
from tests.helpers.postgresql import PASSWORD, Server, server

__all__ = ["server"]

TOY = str(ROOT / "tests/helpers/toy/app.py")


@pytest.fixture
def database(server: Server, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the address of a fresh database; the environment has its password."""
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    return server.create(request.node.name[:60])


def found(database: str, name: str = "toy") -> list[FrozenTrial]:
    """Return a study's trials, or none while there is no study."""
    engine = optuna.storages.RDBStorage(database)
    try:
        return optuna.load_study(study_name=name, storage=engine).trials
    except KeyError:
        return []
    finally:
        engine.engine.dispose()


def states(trials: list[FrozenTrial]) -> Counter[str]:
    return Counter(trial.state.name for trial in trials)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(database: str, state: str, count: int = 1) -> None:
    while states(found(database))[state] < count:
        time.sleep(0.2)


def finish(process: "subprocess.Popen[str]", timeout: float = 120) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err


@pytest.mark.slow
def test_two_drivers_from_two_folders_share_one_study(tmp_path: Path, database: str, server: Server) -> None:
    command = [TOY, "-m", "x=range(0,12)", "y=a,b", "seconds=0.3", f"hydra.sweeper.storage={database}"]
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    drivers = [start([*command, "hydra.sweeper.n_jobs=2", "hydra.sweeper.n_trials=24"], folder) for folder in folders]
    for status, _, err in map(finish, drivers):
        assert status == 0, err
    trials = found(database)
    assert [trial.number for trial in trials] == list(range(24))
    assert states(trials) == {"COMPLETE": 24}
    assert len({(trial.params["x"], trial.params["y"]) for trial in trials}) == 24
    assert len({trial.user_attrs["pid"] for trial in trials}) >= 3, "both had work"
    written = [(folder / "multirun/toy/optimization_results.yaml").read_text() for folder in folders]
    assert written[0] == written[1], "each waited for the other's last trials"
    assert server.psql("SELECT study_name FROM studies", database) == "toy\n", "the lock is gone"


@pytest.mark.slow
def test_the_trial_of_a_silent_machine_goes_on_under_its_number(tmp_path: Path, database: str) -> None:
    command = [TOY, "-m", "x=range(0,3)", f"hydra.sweeper.storage={database}", "hydra.sweeper.heartbeat=0.7"]
    (tmp_path / "dead").mkdir()
    dead = start([*command, "seconds=1000", "hydra.sweeper.n_jobs=1"], tmp_path / "dead")
    wait_for(database, "RUNNING")
    dead.kill()
    dead.communicate()
    assert states(found(database)) == {"RUNNING": 1, "WAITING": 2}, "nobody told the database"
    more = ["seconds=0.1", "hydra.sweeper.n_jobs=1", "hydra.sweeper.on_change=continue"]
    done = run([*command, *more], tmp_path)
    assert done.returncode == 0, done.stderr
    trials = found(database)
    assert [trial.number for trial in trials] == [0, 1, 2]
    assert states(trials) == {"COMPLETE": 3}
    assert trials[0].system_attrs["convsweep:retries"] == 1
    assert len(trials[0].intermediate_values) == 3


@pytest.mark.slow
def test_ctrl_c_twice_leaves_no_trial_running(tmp_path: Path, database: str) -> None:
    command = [TOY, "-m", "x=range(0,4)", "seconds=1000", "steps=1", f"hydra.sweeper.storage={database}"]
    process = start([*command, "hydra.sweeper.n_jobs=2"], tmp_path)
    wait_for(database, "RUNNING", 2)
    for _ in range(2):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(1)
    status, out, err = finish(process)
    assert status == 130, err
    assert "Traceback" not in err
    assert out.splitlines()[-1].startswith("resume   ")
    assert states(found(database)) == {"WAITING": 4}


@pytest.mark.cluster  # takes a minute, and more
def test_a_server_that_is_away_for_twenty_seconds_costs_nothing(tmp_path: Path, database: str, server: Server) -> None:
    command = [TOY, "-m", "x=range(0,20)", "seconds=0.5", f"hydra.sweeper.storage={database}", "hydra.sweeper.n_jobs=2"]
    process = start(command, tmp_path)
    wait_for(database, "COMPLETE", 4)
    server.stop()
    time.sleep(20)
    server.start()
    status, out, err = finish(process)
    assert status == 0, err
    assert "the storage does not answer" in out
    assert "Traceback" not in err
    trials = found(database)
    assert states(trials) == {"COMPLETE": 20}
    assert sorted(trial.params["x"] for trial in trials) == list(range(20))
    assert not any("convsweep:retries" in trial.system_attrs for trial in trials)
    assert all(len(trial.intermediate_values) == 3 for trial in trials)


@pytest.mark.cluster
def test_patience_has_an_end_and_the_same_command_goes_on(tmp_path: Path, database: str, server: Server) -> None:
    command = [TOY, "-m", "x=range(0,8)", "seconds=0.5", f"hydra.sweeper.storage={database}"]
    settings = ["hydra.sweeper.n_jobs=2", "hydra.sweeper.storage_patience=2", "hydra.sweeper.heartbeat=0.7"]
    process = start([*command, *settings], tmp_path)
    wait_for(database, "COMPLETE", 2)
    server.stop()
    try:
        status, _, err = finish(process)
    finally:
        server.start()
    assert status == 1
    assert "`hydra.sweeper.storage` has not answered for" in err
    assert "hydra.sweeper.storage_patience=2" in err
    done = run([*command, *settings], tmp_path)
    assert done.returncode == 0, done.stderr
    assert states(found(database)) == {"COMPLETE": 8}
    assert len(found(database)) == 8


@pytest.mark.slow
def test_the_password_is_nowhere(tmp_path: Path, database: str, server: Server) -> None:
    typed = database.replace("postgres@", f"postgres:{PASSWORD}@")
    refused = run([TOY, "-m", "x=1,2", f"hydra.sweeper.storage={typed}"], tmp_path)
    assert refused.returncode == 1
    assert "must not hold a password" in refused.stderr
    assert f"type {database}" in refused.stderr
    assert PASSWORD not in refused.stdout + refused.stderr
    wrong = run([TOY, "-m", "x=1,2", f"hydra.sweeper.storage={database}"], tmp_path, PGPASSWORD="wrong-Walrus")
    assert wrong.returncode == 1
    assert "password authentication failed" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    assert "wrong-Walrus" not in wrong.stdout + wrong.stderr
    assert list(tmp_path.rglob("*.yaml")) == []

    command = [TOY, "-m", "x=range(0,4)", "seconds=1", f"hydra.sweeper.storage={database}", "hydra.sweeper.n_jobs=2"]
    process = start(command, tmp_path)
    wait_for(database, "RUNNING", 2)
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert any(database.encode() in line for line in commands)
    assert not any(PASSWORD.encode() in line for line in commands)
    os.killpg(process.pid, signal.SIGINT)
    status, out, err = finish(process)
    assert status == 130, err
    assert f"hydra.sweeper.storage={database}" in out.splitlines()[-1], "the command that resumes"
    assert PASSWORD not in out + err
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "hydra.yaml" for path in files)
    assert not any(PASSWORD.encode() in path.read_bytes() for path in files)
    dump = subprocess.run(
        ["pg_dump", "-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres", database.rpartition("/")[2]],
        env={**os.environ, **server.env},
        capture_output=True,
        check=True,
    )
    assert b"convsweep:worker" in dump.stdout
    assert PASSWORD.encode() not in dump.stdout


@pytest.mark.slow
def test_the_password_may_come_in_a_variable_of_its_own(tmp_path: Path, database: str) -> None:
    done = run(
        [TOY, "-m", "x=1,2", f"hydra.sweeper.storage={database}", "hydra/launcher=basic"],
        tmp_path,
        PGPASSWORD="",
        CONVSWEEP_STORAGE_PASSWORD=PASSWORD,
    )
    assert done.returncode == 0, done.stderr
    assert states(found(database)) == {"COMPLETE": 2}


@pytest.mark.slow
def test_what_cannot_be_served_is_said(tmp_path: Path, database: str) -> None:
    def refusal(*arguments: str) -> str:
        done = run(["-m", "src.proxy", *arguments], tmp_path)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        return done.stderr

    assert "expected a database's address" in refusal("multirun/study/journal.log")
    assert "expected a database's address" in refusal("grpc://localhost:13000")
    assert "expected a database's address" in refusal(f"sqlite:///{tmp_path}/study.db"), "several would take one trial"
    assert "must not hold a password" in refusal(database.replace("postgres@", f"postgres:{PASSWORD}@"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"cannot listen at 127.0.0.1:{port}" in refusal(database, "--host=127.0.0.1", f"--port={port}")


@pytest.mark.cluster
def test_a_proxy_in_front_of_it_may_die_and_come_back(tmp_path: Path, database: str) -> None:
    port = free_port()
    serve = ["-m", "src.proxy", database, f"--port={port}"]
    proxy = start(serve, tmp_path)
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.2)
    command = [TOY, "-m", "x=interval(0,1)", "seconds=0.5", "hydra.sweeper.n_trials=24", "hydra.sweeper.heartbeat=5"]
    command += [f"hydra.sweeper.storage=grpc://127.0.0.1:{port}", "hydra.sweeper.n_jobs=1"]
    drivers = [start(command, folder) for folder in folders]
    wait_for(database, "COMPLETE", 4)
    proxy.kill()
    proxy.communicate()
    time.sleep(3)
    proxy = start(serve, tmp_path)
    try:
        for status, _, err in map(finish, drivers):
            assert status == 0, err
    finally:
        proxy.kill()
        proxy.communicate()
    trials = found(database)
    assert [trial.number for trial in trials] == list(range(24))
    assert states(trials) == {"COMPLETE": 24}
    assert not any("convsweep:retries" in trial.system_attrs for trial in trials)
    wrong = run([*command[:3], "hydra.sweeper.storage=grpc://somewhere"], tmp_path)
    assert wrong.returncode == 1
    assert "must be grpc://host:port, got grpc://somewhere; type e.g. grpc://localhost:13000" in wrong.stderr


@pytest.mark.cluster
def test_mlflow_on_the_same_server_has_every_run_once_after_an_outage(
    tmp_path: Path, database: str, server: Server
) -> None:
    port = free_port()
    store = server.create(f"{database.rpartition('/')[2][:50]}_mlflow")
    files = ["--backend-store-uri", store, "--artifacts-destination", str(tmp_path / "artifacts")]
    mlflow = start(["-m", "mlflow", "server", "--port", str(port), "--workers", "1", *files], tmp_path)
    uri = f"http://127.0.0.1:{port}"
    try:
        while unreachable(uri):
            assert mlflow.poll() is None
            time.sleep(0.5)
        space = ["optimizer=adam,rmsprop,sgd", "model.filters=4,8", "training.epochs=3", "dataset.limit=300"]
        where = [f"hydra.sweeper.storage={database}", f"tracking.uri={uri}", "hydra.sweeper.study_name=both"]
        sweep = start(["-m", "src.sweep", "-m", *space, *where, "hydra.sweeper.n_jobs=2"], tmp_path)
        while not any(trial.state.name == "COMPLETE" for trial in found(database, "both")):
            assert sweep.poll() is None
            time.sleep(0.5)
        server.stop()
        time.sleep(8)
        server.start()
        status, out, err = finish(sweep, 240)
        assert status == 0, err
        client = MlflowClient(uri)
        experiment = client.get_experiment_by_name("convsweep")
        assert experiment is not None
        runs = client.search_runs([experiment.experiment_id])
    finally:
        os.killpg(mlflow.pid, signal.SIGKILL)
        mlflow.communicate()
    trials = found(database, "both")
    assert len(trials) == 6
    assert states(trials)["COMPLETE"] == 6
    ended = Counter(run.data.tags.get("convsweep.trial") for run in runs if run.info.status == "FINISHED")
    assert ended == {None: 1, **{str(number): 1 for number in range(6)}}
    assert not any(PASSWORD in str(run.to_dictionary()) for run in runs)
    assert PASSWORD not in out + err
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(PASSWORD.encode() in path.read_bytes() for path in kept)
