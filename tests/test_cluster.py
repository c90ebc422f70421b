"""Engines that are not ours, and what their workers get: submitit's local executor, GPUs, Optuna's gRPC proxy."""

import contextlib
import importlib.util
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import pytest

from convsweep.workers.devices import worker_environment
from convsweep.workers.jobs import Jobs
from tests.command import ROOT, run, run_inside, start, states, toy, toy_workers, trials, wait_for

SUBMITIT = ["hydra/launcher=submitit_local", "hydra.sweeper.n_jobs=2"]


@pytest.fixture
def devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., dict[str, str]]]:
    """Yield a function that gives the next worker of this machine its environment, until the test ends."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with ExitStack() as workers:
        yield lambda index, given: workers.enter_context(worker_environment(index, given))


TWO_GPUS = "#!/bin/sh\necho 'GPU 0: One (UUID: GPU-1)'\necho '  MIG 1g.10gb'\necho 'GPU 1: Two (UUID: GPU-2)'\n"


def fake_gpus(folder: Path) -> str:
    """Make a machine with two GPUs, as far as nvidia-smi can; return its PATH."""
    (folder / "nvidia-smi").write_text(TWO_GPUS)
    (folder / "nvidia-smi").chmod(0o755)
    return f"{folder}:/bin:/usr/bin"


def test_each_worker_gets_a_device_in_turn_or_a_share_of_one(
    tmp_path: Path, devices: Callable[..., dict[str, str]]
) -> None:
    given = {"PATH": fake_gpus(tmp_path)}
    found = [devices(index, given) for index in range(4)]
    assert [environment["CUDA_VISIBLE_DEVICES"] for environment in found] == ["0", "1", "0", "1"]
    assert all(environment["TF_FORCE_GPU_ALLOW_GROWTH"] == "true" for environment in found)
    assert "CUDA_VISIBLE_DEVICES" not in devices(1, {"PATH": ""}), "no GPU, nothing to share"


def test_workers_of_several_drivers_and_jobs_know_of_each_other(
    tmp_path: Path, devices: Callable[..., dict[str, str]]
) -> None:
    given = {"PATH": fake_gpus(tmp_path)}
    with worker_environment(0, given) as first:
        assert first["CUDA_VISIBLE_DEVICES"] == "0"
        assert devices(0, given)["CUDA_VISIBLE_DEVICES"] == "1", "the first worker of another driver"
    assert devices(1, given)["CUDA_VISIBLE_DEVICES"] == "0", "free again, as soon as its worker is gone"
    with worker_environment(0, given) as third, worker_environment(0, given) as fourth:
        assert [third["CUDA_VISIBLE_DEVICES"], fourth["CUDA_VISIBLE_DEVICES"]] == ["0", "1"]
        devices(0, given)  # a third one on 0
    assert devices(0, given)["CUDA_VISIBLE_DEVICES"] == "1", "the one with fewer, wherever there is a place free"


@pytest.mark.parametrize(
    ("granted", "shares"),
    [
        ("3", ["3", "3", "3"]),
        ("2,5", ["2", "5", "2"]),
        ("", ["", "", ""]),
        ("GPU-8f,GPU-9a", ["GPU-8f", "GPU-9a", "GPU-8f"]),
        ("MIG-GPU-8f/1/0,MIG-GPU-8f/2/0", ["MIG-GPU-8f/1/0", "MIG-GPU-8f/2/0", "MIG-GPU-8f/1/0"]),
    ],
)
def test_what_a_scheduler_grants_is_what_is_shared_out(
    granted: str, shares: list[str], devices: Callable[..., dict[str, str]]
) -> None:
    given = {"PATH": "", "CUDA_VISIBLE_DEVICES": granted, "TF_FORCE_GPU_ALLOW_GROWTH": "false"}
    found = [devices(index, given) for index in range(3)]
    assert [environment["CUDA_VISIBLE_DEVICES"] for environment in found] == shares
    assert found[0]["TF_FORCE_GPU_ALLOW_GROWTH"] == "false"


@pytest.mark.slow
def test_the_trials_of_two_workers_see_a_gpu_each(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    seen = "+gpu='${oc.env:CUDA_VISIBLE_DEVICES,none}'"
    done = run(
        [str(ROOT / "tests/toy/app.py"), "-m", "x=range(0,6)", "seconds=0.5", seen, "hydra.sweeper.n_jobs=2"],
        tmp_path,
        PATH=f"{fake_gpus(tmp_path)}:{os.environ['PATH']}",
        TMPDIR=str(tmp_path / "tmp"),
    )
    assert done.returncode == 0, done.stderr
    workers = {trial.user_attrs["pid"]: trial.user_attrs["seen"]["gpu"] for trial in trials(tmp_path)}
    assert sorted(workers.values()) == ["0", "1"]


@pytest.mark.slow
@pytest.mark.parametrize("storage", ["{}/shared.log", "sqlite:///{}/shared.db"])
def test_a_file_of_two_folders_has_one_driver(tmp_path: Path, storage: str) -> None:
    (tmp_path / "one").mkdir()
    command = ["x=1,2", f"hydra.sweeper.storage={storage.format(tmp_path)}", "hydra.sweeper.n_jobs=1"]
    first = start([str(ROOT / "tests/toy/app.py"), "-m", *command, "seconds=1000"], tmp_path / "one")
    lock = next(tmp_path / f"{name}.toy.lock" for name in ("shared.log", "shared.db") if name in storage)
    while not lock.exists():
        time.sleep(0.1)
    time.sleep(1)
    second = toy_workers(tmp_path, *command)
    first.kill()
    first.communicate()
    assert second.returncode == 1
    assert f"is being run by process {first.pid}" in second.stderr


def test_sqlite_is_refused_with_several_workers(tmp_path: Path) -> None:
    refused = toy(
        tmp_path, "x=1,2", "hydra/launcher=joblib", "hydra.sweeper.n_jobs=2", "hydra.sweeper.storage=sqlite:///a.db"
    )
    assert refused.returncode == 1
    assert "must not be SQLite with more than one worker, which corrupts the queue" in refused.stderr


@pytest.mark.slow
def test_submitit_runs_workers_and_a_killed_one_costs_no_trial(tmp_path: Path) -> None:
    done = toy_workers(tmp_path, "x=range(0,6)", "seconds=0.3", f"die_once={tmp_path}/died", *SUBMITIT)
    assert done.returncode == 0, done.stderr
    assert states(tmp_path) == {"COMPLETE": 6}
    assert sorted(trial.params["x"] for trial in trials(tmp_path)) == list(range(6))


@pytest.mark.slow
def test_a_job_that_loses_its_machine_hands_its_trial_back(tmp_path: Path) -> None:
    command = ["x=range(0,4)", "seconds=6", "steps=6", *SUBMITIT, "hydra.sweeper.heartbeat=1"]
    driver = start([str(ROOT / "tests/toy/app.py"), "-m", *command], tmp_path)
    wait_for(tmp_path, "RUNNING", 2)
    jobs = [int(path.name) for path in tmp_path.glob("multirun/toy/.submitit/*/*") if path.name.isdigit()]
    time.sleep(1.5)
    os.kill(jobs[0], signal.SIGTERM)
    while states(tmp_path)["RUNNING"] == 2:
        time.sleep(0.1)
    handed_back = [trial for trial in trials(tmp_path) if trial.state.name == "WAITING" and trial.intermediate_values]
    _, err = driver.communicate(timeout=120)
    assert driver.returncode == 0, err
    assert len(handed_back) == 1
    found = trials(tmp_path)
    assert states(tmp_path) == {"COMPLETE": 4}
    assert not any("convsweep:retries" in trial.system_attrs for trial in found)


@pytest.mark.slow
def test_a_model_goes_on_from_its_checkpoint_when_its_job_was_taken_back(tmp_path: Path) -> None:
    command = [
        "-m", "src.sweep", "-m", "model.filters=4,6", "training.epochs=12", "training.batch_size=8",
        "dataset.limit=800", "hydra.sweeper.study_name=s", "hydra.sweeper.heartbeat=2",
    ]  # fmt: skip
    whole, taken_back = tmp_path / "whole", tmp_path / "taken_back"
    for folder in (whole, taken_back):
        folder.mkdir()
    undisturbed = run(command, whole)
    assert undisturbed.returncode == 0, undisturbed.stderr
    driver = start([*command, "launcher=submitit_local", "hydra.sweeper.n_jobs=1"], taken_back)
    wait_for(taken_back, "RUNNING", name="s")
    while not any(3 <= len(trial.intermediate_values) <= 9 for trial in trials(taken_back, "s")):
        assert driver.poll() is None
        time.sleep(0.05)
    jobs = [path.name for path in taken_back.glob("multirun/s/.submitit/*/*") if path.name.isdigit()]
    os.kill(int(jobs[0]), signal.SIGTERM)
    while not list(taken_back.glob("multirun/s/trial-*/checkpoint.npz")):
        assert driver.poll() is None
        time.sleep(0.05)
    _, err = driver.communicate(timeout=200)
    assert driver.returncode == 0, err
    known = [[(t.value, t.intermediate_values) for t in trials(folder, "s")] for folder in (whole, taken_back)]
    assert known[0] == known[1], "the values of a run that nobody disturbed, bit for bit"
    assert not any("convsweep:retries" in trial.system_attrs for trial in trials(taken_back, "s"))


def is_in(folder: Path, process: Path) -> bool:
    """Whether a process, by its folder in /proc, works in a folder."""
    with contextlib.suppress(OSError):
        return (process / "cwd").readlink() == folder
    return False


@pytest.mark.slow
def test_trials_that_ran_when_everything_died_are_run_again(tmp_path: Path) -> None:
    """Nothing waits: what is left are the trials of the dead."""
    command = [str(ROOT / "tests/toy/app.py"), "-m", "x=1,2", *SUBMITIT, "hydra.sweeper.heartbeat=0.7"]
    driver = start([*command, "seconds=1000"], tmp_path)
    wait_for(tmp_path, "RUNNING", 2)
    while alive := [process for process in Path("/proc").glob("[0-9]*") if is_in(tmp_path, process)]:
        for process in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process.name), signal.SIGKILL)
        driver.poll()
    driver.communicate()
    assert states(tmp_path) == {"RUNNING": 2}
    done = run([*command, "seconds=0.1", "hydra.sweeper.on_change=continue"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert states(tmp_path) == {"COMPLETE": 2}
    assert [trial.system_attrs["convsweep:retries"] for trial in trials(tmp_path)] == [1, 1]


@pytest.mark.parametrize("slurm", [True, False])
def test_slurms_jobs_leave_the_queue_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slurm: bool
) -> None:
    folder, log = tmp_path / "jobs", tmp_path / "log"
    for job in ("7", "7_0", "7_1"):
        (folder / job).mkdir(parents=True)
    (folder / ".submission_file_7.sh").touch()
    (tmp_path / "scancel").write_text(f'#!/bin/sh\necho "$@" >> {log}\n')
    (tmp_path / "scancel").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    over = threading.Event()
    jobs = Jobs(cast(Callable[[], None], over.wait), folder if slurm else None)
    assert not jobs.ended(within=0.1)
    jobs.leave_queue()
    assert log.exists() == slurm
    if slurm:
        assert log.read_text() == "--quiet --state=PENDING 7 7_0 7_1\n"
    over.set()
    assert jobs.ended(within=10)


@pytest.mark.slow
def test_jobs_that_outlive_their_driver_are_not_disturbed_by_the_next(tmp_path: Path) -> None:
    command = ["x=range(0,8)", "seconds=1.5", *SUBMITIT, "hydra.sweeper.heartbeat=1"]
    driver = start([str(ROOT / "tests/toy/app.py"), "-m", *command], tmp_path)
    wait_for(tmp_path, "COMPLETE")
    driver.kill()
    driver.communicate()
    done = toy_workers(tmp_path, *command)
    assert done.returncode == 0, done.stderr
    assert states(tmp_path) == {"COMPLETE": 8}
    assert not any("convsweep:retries" in trial.system_attrs for trial in trials(tmp_path))


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed")
def test_a_launcher_that_is_not_installed_says_how_to_install_it(tmp_path: Path) -> None:
    done = run_inside(["-m", "src.sweep", "-m", "launcher=ray"], tmp_path)
    assert done.returncode == 1
    assert "`hydra/launcher` has no option ray" in done.stderr
    assert "pip install 'convsweep[ray]'" in done.stderr
