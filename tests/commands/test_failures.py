"""Trials that fail, hang, diverge or kill their worker are recorded as what they are, and the others go on."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.helpers.command import states, toy, toy_workers, trials


def test_a_failing_trial_is_recorded_and_the_sweep_goes_on(tmp_path: Path) -> None:
    done = toy(tmp_path, "x=1,2,3", "fail_above=2")
    assert done.returncode == 0
    found = trials(tmp_path)
    assert [t.state.name for t in found] == ["COMPLETE", "COMPLETE", "FAIL"]
    assert found[2].user_attrs["error"] == "RuntimeError: x is 3"
    assert "app.py" in found[2].user_attrs["traceback"]
    assert "trial 2: RuntimeError: x is 3" in done.stdout
    assert "Traceback" in (tmp_path / "multirun/toy/trial-0002/traceback.txt").read_text()
    assert not (tmp_path / "multirun/toy/trial-0001/traceback.txt").exists()
    place = found[2].user_attrs["place"]
    assert place.partition(":")[0].endswith("app.py")
    assert f"failed RuntimeError: x is 3 ({place}) in " in done.stdout
    assert done.stdout.count("Traceback (most recent call last)") == 1
    assert "run_job" not in done.stdout
    hopeless = toy(tmp_path, "x=1,2", "fail_above=0", "hydra.sweeper.study_name=hopeless")
    assert hopeless.returncode == 1
    assert "failed   trial 0 and 1 more: RuntimeError: x is N (" in hopeless.stdout
    assert hopeless.stdout.count("Traceback (most recent call last)") == 1, "the first one alone"


def test_a_killed_worker_costs_no_trial(tmp_path: Path) -> None:
    done = toy_workers(tmp_path, "x=range(0,8)", f"die_once={tmp_path}/died", "hydra.sweeper.n_jobs=2")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "died").exists()
    assert states(tmp_path) == {"COMPLETE": 8}
    assert sorted(t.params["x"] for t in trials(tmp_path)) == list(range(8))


@pytest.mark.slow
def test_a_trial_that_kills_its_worker_again_and_again_fails_alone(tmp_path: Path) -> None:
    killer = "+hydra.callbacks.chaos={_target_:tests.helpers.toy.chaos.DieAbove,limit:2}"
    done = toy_workers(tmp_path, "x=range(0,5)", "seconds=0.3", killer, "hydra.sweeper.max_retries=1")
    assert done.returncode == 0, done.stderr
    found = trials(tmp_path)
    assert [t.state.name for t in found] == ["COMPLETE"] * 3 + ["FAIL"] * 2
    assert "its worker was killed by SIGKILL" in found[3].user_attrs["error"]
    assert "on try 2" in found[4].user_attrs["error"]


@pytest.mark.slow
def test_a_hanging_trial_is_stopped_and_not_run_again(tmp_path: Path) -> None:
    # Seconds enough for a trial that does nothing, on one busy core as well.
    done = toy_workers(
        tmp_path, "x=range(0,4)", "hang_above=1", "hydra.sweeper.n_jobs=2", "hydra.sweeper.trial_timeout=4"
    )
    assert done.returncode == 0, done.stderr
    assert states(tmp_path) == {"COMPLETE": 2, "FAIL": 2}
    assert trials(tmp_path)[3].user_attrs["error"] == "ran longer than hydra.sweeper.trial_timeout=4 s"


@pytest.mark.slow
def test_diverged_and_infeasible_trials_teach_the_sampler(tmp_path: Path) -> None:
    space = ["x=interval(0,4)", "diverge_above=2", "infeasible_above=3", "hydra.sweeper.n_trials=40"]
    done = toy(tmp_path, *space, "hydra.sweeper.sampler.n_startup_trials=10")
    assert done.returncode == 0, done.stderr
    found = trials(tmp_path)
    diverged = [t for t in found if 2 < t.params["x"] <= 3]
    infeasible = [t for t in found if t.params["x"] > 3]
    assert {t.state.name for t in diverged} == {"FAIL"}
    assert {t.user_attrs["error"] for t in diverged} == {
        "ValueError: the task function returned nan: the trial diverged"
    }
    assert {t.state.name for t in infeasible} == {"PRUNED"}
    assert all(t.user_attrs["infeasible"].startswith("x is 3.") for t in infeasible)
    assert all(max(t.constraints.values()) > 0 for t in diverged + infeasible)
    assert f"{len(infeasible)} infeasible, {len(diverged)} failed" in done.stdout
    # Half of the first ten were drawn there, which are random.
    assert sum(t.params["x"] > 2 for t in found[20:]) <= 4


@pytest.mark.slow
def test_a_hopeless_sweep_ends_with_what_failed_and_why(tmp_path: Path) -> None:
    row = ["hydra.sweeper.study_name=row", "hydra.sweeper.max_consecutive_failures=3"]
    done = toy(tmp_path, "x=range(0,20)", "fail_above=4", *row)
    assert done.returncode == 1
    assert states(tmp_path, "row") == {"COMPLETE": 5, "FAIL": 3, "WAITING": 12}
    assert "failed   trial 5 and 2 more: RuntimeError: x is N (" in done.stdout
    assert "ended    the last 3 trials failed, max_consecutive_failures=3" in done.stdout
    rate = ["hydra.sweeper.study_name=rate", "hydra.sweeper.max_failure_rate=0.2"]
    done = toy(tmp_path, "x=range(0,20)", "fail_above=4", *rate)
    assert done.returncode == 1
    assert states(tmp_path, "rate") == {"COMPLETE": 5, "FAIL": 5, "WAITING": 10}
    assert "ended    5 of 10 trials failed, max_failure_rate=0.2" in done.stdout
    few = toy(tmp_path, "x=range(0,4)", "fail_above=1", "hydra.sweeper.max_failure_rate=0.2")
    assert few.returncode == 1, "too few to end it early, but not too few for its exit status"
    assert states(tmp_path) == {"COMPLETE": 2, "FAIL": 2}


@pytest.mark.slow
def test_target_and_patience_end_a_sweep(tmp_path: Path) -> None:
    command = ["x=5,4,3,2,1,0", "hydra.sweeper.study_name=target"]
    done = toy(tmp_path, *command, "hydra.sweeper.target=9")
    assert done.returncode == 0
    assert states(tmp_path, "target") == {"COMPLETE": 3, "WAITING": 3}
    assert "ended    trial 2 reached target=9" in done.stdout
    assert toy(tmp_path, *command, "hydra.sweeper.target=9").returncode == 0
    assert states(tmp_path, "target")["WAITING"] == 3, "it is still reached"
    done = toy(tmp_path, "x=3,2,1,4,5,6", "hydra.sweeper.patience=2")
    assert states(tmp_path) == {"COMPLETE": 5, "WAITING": 1}
    assert "patience=2" in done.stdout


@pytest.mark.slow
def test_other_trials_stop_when_one_reaches_the_target(tmp_path: Path) -> None:
    space = ["x=0,20", "steps=400", "seconds=${x}", "hydra.sweeper.target=0"]
    assert toy_workers(tmp_path, *space).returncode == 0
    assert [trial.state.name for trial in trials(tmp_path)] == ["COMPLETE", "WAITING"]
    assert 0 < len(trials(tmp_path)[1].intermediate_values) < 400


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounts a small file system")
def test_a_full_disk_stops_the_sweep_and_leaves_the_study_readable(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(disk)], check=True)
    try:
        command = ["x=interval(0,1)", "hydra/sweeper/sampler=random", "hydra.sweeper.n_trials=200"]
        full = toy_workers(disk, *command)
        assert full.returncode == 1
        assert "No space left on device" in full.stderr
        assert "Traceback" not in full.stderr
        done = {t.number: t.value for t in trials(disk) if t.state.name == "COMPLETE"}
        assert done
        subprocess.run(["mount", "-o", "remount,size=100m", str(disk)], check=True)
        again = toy_workers(disk, *command)
        assert again.returncode == 0, again.stderr
        found = trials(disk)
        assert {number: found[number].value for number in done} == done
        assert states(disk) == {"COMPLETE": 200}
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
