"""Sweeps on real engines: a Slurm of one machine and a local Ray. `make test-cluster` installs them and runs this."""

import importlib.util
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.command import ROOT, run, start, states, trials, wait_for
from tests.slurm import slurm

__all__ = ["slurm"]

TOY = str(ROOT / "tests/toy/app.py")
SLURM = ["hydra/launcher=submitit_slurm", "hydra.sweeper.n_jobs=2", "hydra.launcher.cpus_per_task=1"]


def jobs(conf: Path) -> list[str]:
    """Return the ids of the jobs that run."""
    environment = {**os.environ, "SLURM_CONF": str(conf)}
    command = ["squeue", "--noheader", "--states=RUNNING", "--format=%A"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()


def requeue(conf: Path, job: str) -> None:
    subprocess.run(["scontrol", "requeue", job], env={**os.environ, "SLURM_CONF": str(conf)}, check=True)


@pytest.mark.cluster
def test_slurm_runs_a_sweep(tmp_path: Path, slurm: Path) -> None:
    done = run([TOY, "-m", "x=range(0,6)", "seconds=0.3", *SLURM], tmp_path, SLURM_CONF=str(slurm))
    assert done.returncode == 0, done.stderr
    assert states(tmp_path) == {"COMPLETE": 6}
    assert len({trial.user_attrs["pid"] for trial in trials(tmp_path)}) == 2


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
    assert states(tmp_path) == {"COMPLETE": 4}
    assert not any("convsweep:retries" in trial.system_attrs for trial in trials(tmp_path))


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
