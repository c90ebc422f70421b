"""Engines that are not ours, from the command line: submitit's local executor, jobs that outlive their driver."""

import contextlib
import importlib.util
import os
import re
import signal
import time
from pathlib import Path

import pytest

from tests.helpers.command import (
    ROOT,
    TOY,
    run,
    run_inside,
    start,
    states,
    toy,
    toy_workers,
    trials,
    wait_for,
    wait_until,
)

SUBMITIT = ["hydra/launcher=submitit_local", "hydra.sweeper.n_jobs=2"]


@pytest.mark.slow
@pytest.mark.parametrize("storage", ["{}/shared.log", "sqlite:///{}/shared.db"])
def test_a_file_of_two_folders_has_one_driver(tmp_path: Path, storage: str) -> None:
    (tmp_path / "one").mkdir()
    command = ["x=1,2", f"hydra.sweeper.storage={storage.format(tmp_path)}", "hydra.sweeper.n_jobs=1"]
    first = start([str(ROOT / "tests/helpers/toy/app.py"), "-m", *command, "seconds=1000"], tmp_path / "one")
    lock = next(tmp_path / f"{name}.toy.lock" for name in ("shared.log", "shared.db") if name in storage)
    wait_until(lock.exists)
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


@pytest.mark.parametrize(
    ("typed", "workers"),
    [
        ([], "4 workers"),
        (["hydra.launcher.n_jobs=1"], "1 worker"),
        (["hydra.launcher.n_jobs=6"], "6 workers"),
        (["hydra.launcher.n_jobs=-2"], "3 workers"),
        (["hydra.launcher.n_jobs=2", "hydra.sweeper.n_jobs=8"], "2 workers"),
        (["hydra.launcher.n_jobs=2", "hydra.sweeper.n_jobs=1"], "1 worker"),
    ],
)
def test_joblib_runs_no_more_at_once_than_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: list[str], workers: str
) -> None:
    monkeypatch.setattr("joblib.cpu_count", lambda: 4)
    done = run_inside([TOY, "-m", "x=range(0,9)", "hydra.sweeper.dry_run=true", *typed], tmp_path)
    assert re.search(rf"no pruning; {workers}$", done.stdout, re.MULTILINE), done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("launcher", "times", "message"),
    [
        (["hydra/launcher=submitit_slurm"], 1, "could not keep the workers running: Could not detect"),
        (["hydra/launcher=basic", "+hydra.launcher.n_jobs=2"], 0, "`hydra.launcher`: Error in call to target"),
    ],
)
def test_what_would_go_wrong_each_time_is_not_tried_again_and_again(
    tmp_path: Path, launcher: list[str], times: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # where there is no Slurm
    done = toy(tmp_path, "x=1,2", *launcher)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stdout.count("starting them again") == times


@pytest.mark.slow
def test_submitit_runs_workers_and_a_killed_one_costs_no_trial(tmp_path: Path) -> None:
    done = toy_workers(tmp_path, "x=range(0,6)", "seconds=0.3", f"die_once={tmp_path}/died", *SUBMITIT)
    assert done.returncode == 0, done.stderr
    assert states(tmp_path) == {"COMPLETE": 6}
    assert sorted(trial.params["x"] for trial in trials(tmp_path)) == list(range(6))


@pytest.mark.cluster  # takes a minute, and more
def test_a_job_that_loses_its_machine_hands_its_trial_back(tmp_path: Path) -> None:
    command = ["x=range(0,4)", "seconds=6", "steps=6", *SUBMITIT, "hydra.sweeper.heartbeat=1"]
    driver = start([str(ROOT / "tests/helpers/toy/app.py"), "-m", *command], tmp_path)
    wait_for(tmp_path, "RUNNING", 2)
    jobs = [int(path.name) for path in tmp_path.glob("multirun/toy/.submitit/*/*") if path.name.isdigit()]
    time.sleep(1.5)
    os.kill(jobs[0], signal.SIGTERM)
    wait_until(lambda: states(tmp_path)["RUNNING"] < 2)
    handed_back = [trial for trial in trials(tmp_path) if trial.state.name == "WAITING" and trial.intermediate_values]
    _, err = driver.communicate(timeout=120)
    assert driver.returncode == 0, err
    assert len(handed_back) == 1
    found = trials(tmp_path)
    assert states(tmp_path) == {"COMPLETE": 4}
    assert not any("convsweep:retries" in trial.system_attrs for trial in found)


@pytest.mark.cluster  # takes a minute, and more
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
    wait_until(lambda: any(3 <= len(trial.intermediate_values) <= 9 for trial in trials(taken_back, "s")))
    jobs = [path.name for path in taken_back.glob("multirun/s/.submitit/*/*") if path.name.isdigit()]
    os.kill(int(jobs[0]), signal.SIGTERM)
    wait_until(lambda: list(taken_back.glob("multirun/s/trial-*/checkpoint.npz")))
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
    command = [str(ROOT / "tests/helpers/toy/app.py"), "-m", "x=1,2", *SUBMITIT, "hydra.sweeper.heartbeat=0.7"]
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


@pytest.mark.slow
def test_jobs_that_outlive_their_driver_are_not_disturbed_by_the_next(tmp_path: Path) -> None:
    command = ["x=range(0,8)", "seconds=1.5", *SUBMITIT, "hydra.sweeper.heartbeat=1"]
    driver = start([str(ROOT / "tests/helpers/toy/app.py"), "-m", *command], tmp_path)
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
    assert "pip install hydra-ray-launcher" in done.stderr
