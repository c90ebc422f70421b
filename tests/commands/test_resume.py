"""A study that is stopped, killed, changed or repeated goes on as if nothing had happened."""

import os
import signal
import time
from pathlib import Path
from unittest import mock

import optuna
import pytest
import yaml
from optuna.distributions import FloatDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from tests.helpers.command import ROOT, run, start, states, toy, toy_workers, trials, wait_for, wait_until


def alive(pid: int) -> bool:
    """Whether a process is there and is more than an entry that nobody has read."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.slow
def test_one_worker_repeats_itself_and_resumes_as_if_unbroken(tmp_path: Path) -> None:
    command = ["x=interval(-5,5)", "y=a,b,c", "hydra.sweeper.sampler.n_startup_trials=4"]
    kept = ("number", "params", "values", "intermediate_values", "state")

    def study(name: str, *budgets: int) -> list:
        for n_trials in budgets:
            done = toy(tmp_path, *command, f"hydra.sweeper.study_name={name}", f"hydra.sweeper.n_trials={n_trials}")
            assert done.returncode == 0, done.stderr
        found = trials(tmp_path, name)
        return [[getattr(t, key) for key in kept] + [t.user_attrs["seed"]] for t in found]

    whole = study("whole", 8)
    assert study("again", 8) == whole
    assert study("broken", 5, 8) == whole
    assert len({row[-1] for row in whole}) == 8


@pytest.mark.parametrize("n_jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
@pytest.mark.slow
def test_interrupt_keeps_the_study_and_prints_how_to_resume(tmp_path: Path, n_jobs: int) -> None:
    command = ["x=range(0,4)", "seconds=0.9", f"hydra.sweeper.n_jobs={n_jobs}"]
    process = start([str(ROOT / "tests/helpers/toy/app.py"), "-m", *command], tmp_path)
    wait_for(tmp_path, "COMPLETE")
    os.killpg(process.pid, signal.SIGINT if n_jobs == 2 else signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert out.splitlines()[-1].startswith("resume   ")
    interrupted = trials(tmp_path)
    assert {t.state.name for t in interrupted} == {"COMPLETE", "WAITING"}
    assert not any(t.state.name == "WAITING" and len(t.intermediate_values) == 3 for t in interrupted)
    done = toy_workers(tmp_path, *command)
    assert done.returncode == 0, done.stderr
    assert states(tmp_path) == {"COMPLETE": 4}
    assert sorted(t.params["x"] for t in trials(tmp_path)) == list(range(4))


@pytest.mark.slow
def test_a_second_driver_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    command = ["x=1,2", "seconds=3", "hydra.sweeper.n_jobs=2"]
    first = start([str(ROOT / "tests/helpers/toy/app.py"), "-m", *command], tmp_path)
    wait_until((tmp_path / "multirun/toy/journal.log").exists)
    second = toy_workers(tmp_path, *command)
    assert second.returncode == 1
    assert f"is being run by process {first.pid}" in second.stderr
    first.communicate(timeout=60)
    assert states(tmp_path) == {"COMPLETE": 2}


def test_another_space_under_the_same_name_is_refused_with_the_difference(tmp_path: Path) -> None:
    assert toy(tmp_path, "x=1,2").returncode == 0
    other = toy(tmp_path, "x=1,3", "y=4")
    assert other.returncode == 1
    assert 'space x: it has "{1, 2}", now asked for "{1, 3}"' in other.stderr
    assert "y: it has null, now asked for 4" in other.stderr
    assert len(trials(tmp_path)) == 2


@pytest.mark.slow
def test_a_timeout_before_the_first_trial_is_told(tmp_path: Path) -> None:
    done = toy(tmp_path, "x=1,2", "hydra.sweeper.timeout=0.001")
    assert "\nended    after timeout=0.001 s: no trial had begun by then, as the workers" in done.stdout
    assert "\nresume   python" in done.stdout


@pytest.mark.slow
def test_timeout_starts_no_more_trials_and_the_study_goes_on_later(tmp_path: Path) -> None:
    command = ["x=range(0,6)", "seconds=1.5"]
    first = toy(tmp_path, *command, "hydra.sweeper.timeout=3")  # the first trial has begun by then on a busy machine
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[-1].startswith("resume   ")
    assert 1 <= states(tmp_path)["COMPLETE"] <= 3
    assert toy(tmp_path, *command).returncode == 0
    assert states(tmp_path) == {"COMPLETE": 6}


@pytest.mark.slow
def test_workers_of_a_killed_driver_end_and_the_study_goes_on(tmp_path: Path) -> None:
    command = ["x=range(0,8)", "seconds=0.7", "hydra.sweeper.n_jobs=2"]
    driver = start([str(ROOT / "tests/helpers/toy/app.py"), "-m", *command], tmp_path)
    wait_for(tmp_path, "COMPLETE")
    driver.kill()
    driver.wait()
    workers = {trial.user_attrs["pid"] for trial in trials(tmp_path) if "pid" in trial.user_attrs}
    for _ in range(100):
        workers = {pid for pid in workers if alive(pid)}
        if not workers:
            break
        time.sleep(0.1)
    assert not workers
    for pipe in (driver.stdout, driver.stderr):
        assert pipe is not None
        pipe.close()
    left = states(tmp_path)["WAITING"]
    assert left > 0
    done = toy_workers(tmp_path, *command)
    assert done.returncode == 0, done.stderr
    assert sorted(t.params["x"] for t in trials(tmp_path)) == list(range(8))
    assert states(tmp_path) == {"COMPLETE": 8}


def test_the_second_interrupt_ends_at_once(tmp_path: Path) -> None:
    command = ["x=range(0,4)", "seconds=1000", "steps=1", "hydra.sweeper.n_jobs=2"]
    process = start([str(ROOT / "tests/helpers/toy/app.py"), "-m", *command], tmp_path)
    wait_for(tmp_path, "RUNNING", 2)
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None, "the trials have no end of a step before they are done"
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert out.splitlines()[-1].startswith("resume   ")
    assert states(tmp_path) == {"WAITING": 4}
    pids = {trial.user_attrs["pid"] for trial in trials(tmp_path) if "pid" in trial.user_attrs}
    assert not any(alive(pid) for pid in pids)


@pytest.mark.slow
def test_a_change_of_space_or_settings_is_a_question(tmp_path: Path) -> None:
    more = "hydra.sweeper.n_trials=3"
    assert toy(tmp_path, "x=interval(0,1)", "hydra.sweeper.n_trials=2").returncode == 0
    asked = toy(tmp_path, "x=interval(0,2)", "steps=4", more)
    assert asked.returncode == 1
    assert 'space x: it has "0..1", now asked for "0..2"' in asked.stderr
    assert "steps: it has 3, now asked for 4" in asked.stderr
    assert len(trials(tmp_path)) == 2
    on = toy(tmp_path, "x=interval(0,2)", "steps=4", more, "hydra.sweeper.on_change=continue")
    assert on.returncode == 0, on.stderr
    assert [len(t.intermediate_values) for t in trials(tmp_path)] == [3, 3, 4]
    new = ["x=interval(0,3)", more, "hydra.sweeper.on_change=new"]
    for _ in range(2):  # the second time it is found again
        assert toy(tmp_path, *new).returncode == 0
    assert sorted(path.name for path in (tmp_path / "multirun").iterdir()) == ["toy", "toy-2"]
    assert len(trials(tmp_path, "toy-2")) == 3
    # Optuna cannot change choices within a study; then the other way is not named.
    asked = toy(tmp_path, "x=1,2,3,4", more)
    assert "it cannot go on so: x: Optuna keeps a parameter's choices" in asked.stderr
    assert "hydra.sweeper.on_change=continue" not in asked.stderr
    assert "hydra.sweeper.on_change=new hydra.sweeper.warm_start_from=toy" in asked.stderr
    words = toy(tmp_path, "x=1,2,3,4", more, "hydra.sweeper.on_change=continue")
    assert words.returncode == 1
    assert "hydra.sweeper.on_change=new hydra.sweeper.warm_start_from=toy" in words.stderr


@pytest.mark.slow
def test_what_waits_outside_of_a_changed_space_is_given_up(tmp_path: Path) -> None:
    assert toy(tmp_path, "x=1,2,3,4", "seconds=1.5", "hydra.sweeper.timeout=2.5").returncode == 0
    done = states(tmp_path)["COMPLETE"]
    assert 1 <= done < 4
    assert toy(tmp_path, "x=1,2,3,4", "seconds=0", "hydra.sweeper.on_change=continue").returncode == 0
    assert states(tmp_path) == {"COMPLETE": 4}
    assert [t.user_attrs["seen"]["seconds"] for t in trials(tmp_path)] == [1.5] * done + [0] * (4 - done)


@pytest.mark.slow
def test_a_journal_whose_last_line_is_cut(tmp_path: Path) -> None:
    command = ["x=interval(-5,5)", "hydra/sweeper/sampler=random"]
    assert toy(tmp_path, *command, "hydra.sweeper.n_trials=2").returncode == 0
    journal = tmp_path / "multirun/toy/journal.log"
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-7])
    assert toy(tmp_path, *command, "hydra.sweeper.n_trials=4").returncode == 0
    journal.write_bytes(journal.read_bytes() + b'{"op_code": 6, "worker' + b"\0" * 5000)
    assert toy(tmp_path, *command, "hydra.sweeper.n_trials=6").returncode == 0
    assert states(tmp_path) == {"COMPLETE": 6}


def test_a_clock_that_jumps(tmp_path: Path) -> None:
    jumps = iter(range(10**9))
    with mock.patch("time.time", lambda: 1.7e9 + (-1) ** (n := next(jumps)) * 1e5 * n):
        done = toy(tmp_path, "x=range(0,6)", "hydra.sweeper.timeout=600", "hydra.sweeper.patience=6")
    assert done.returncode == 0, done.stderr
    assert [t.params["x"] for t in trials(tmp_path)] == list(range(6))
    assert states(tmp_path) == {"COMPLETE": 6}


@pytest.mark.slow
def test_a_study_of_before_a_default_changed_is_searched_as_it_was_begun(tmp_path: Path) -> None:
    # One that knows nothing of the key, as if begun before there was one.
    key = "training.norm_statistics"
    command = ["-m", "src.sweep", "-m", "model.filters=4,5,6", "dataset.limit=120", "training.epochs=1"]
    command += ["hydra.sweeper.study_name=s", "hydra.sweeper.n_jobs=1"]
    for more in ([f"{key}=running", "hydra.sweeper.timeout=0.1"], []):
        done = run([*command, *more], tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        journal = tmp_path / "multirun/s/journal.log"
        journal.write_text(journal.read_text().replace(f'"{key}":"running",', ""))
    assert key not in journal.read_text()
    assert states(tmp_path, "s") == {"COMPLETE": 3}
    configs = [yaml.safe_load(file.read_text()) for file in tmp_path.glob("mlruns/*/artifacts/config.yaml")]
    assert [config["training"]["norm_statistics"] for config in configs] == ["running"] * 3


@pytest.mark.slow
def test_a_study_of_optunas_own_goes_on(tmp_path: Path) -> None:
    (tmp_path / "multirun/toy").mkdir(parents=True)
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "multirun/toy/journal.log")))
    study = optuna.create_study(storage=storage, study_name="toy")
    study.optimize(lambda trial: trial.suggest_float("x", -1, 1) + (trial.suggest_categorical("y", "ab") == "a"), 3)
    study.ask({"x": FloatDistribution(-1, 1)})
    study.enqueue_trial({"x": 0.25, "y": "b"})
    for other in (["y=a,b,c"], ["y=a,b", "hydra.sweeper.direction=maximize"]):
        refused = toy(tmp_path, "x=interval(-1,1)", *other)
        assert refused.returncode == 1
        assert "it was begun without this sweeper\n" in refused.stderr
        assert "it cannot go on so: " in refused.stderr
    for dry in (True, False):
        done = toy(tmp_path, "x=interval(-1,1)", "y=a,b", "hydra.sweeper.n_trials=8", f"hydra.sweeper.dry_run={dry}")
        assert done.returncode == 0, done.stderr
    assert states(tmp_path) == {"COMPLETE": 8}
    assert trials(tmp_path)[4].params == {"x": 0.25, "y": "b"}
    study.optimize(lambda trial: trial.suggest_float("x", -1, 1), 2)
    assert toy(tmp_path, "x=interval(-1,1)", "y=a,b", "hydra.sweeper.n_trials=12").returncode == 0
    assert states(tmp_path) == {"COMPLETE": 12}
