"""Sweeps that are killed, again and again, end as if nobody had touched them: nothing lost, nothing double.

`ROUNDS=100 python -m pytest -m cluster tests/commands/test_faults.py -k rounds` kills more often than CI does.
"""

import contextlib
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from unittest import mock

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from optuna.trial import FrozenTrial

from tests.helpers.command import ROOT, run, run_inside, start, states, toy, toy_workers, trials

ROUNDS = int(os.environ.get("ROUNDS", "10"))
TOY = str(ROOT / "tests/helpers/toy/app.py")


def told(trial: FrozenTrial) -> list:
    """What must be the same however often a trial was interrupted."""
    return [trial.number, trial.state.name, trial.params, trial.values, trial.intermediate_values]


def family(pid: int) -> list[int]:
    """Return a process and all that it and its children have started, by the kernel's word (Linux)."""
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *(other for child in children for other in family(int(child)))]
    return [pid]


def killed_again_and_again(folder: Path, command: list[str], rounds: int) -> int:
    """Run a command until it succeeds, and kill its driver or one of its workers `rounds` times; return how often."""
    chance, kills = random.Random(0), 0
    while True:
        process = start([TOY, "-m", *command], folder)
        while process.poll() is None:
            with contextlib.suppress(Exception):
                process.communicate(timeout=chance.uniform(0.1, 6))
            if process.poll() is None and kills < rounds:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(family(process.pid)), signal.SIGKILL)
                    kills += 1
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()  # its end may be minutes away: a killed driver's pool holds it until it notices
        if process.returncode >= 0:
            assert process.returncode == 0
            return kills


@pytest.mark.cluster  # takes a minute, and more
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("n_jobs", [1, 4])
def test_rounds_of_kills_change_nothing(tmp_path: Path, n_jobs: int) -> None:
    space = ["x=interval(-5,5)", "y=a,b,c", "steps=6", "hydra.sweeper.sampler.n_startup_trials=5"]
    n_trials = 10 + 4 * ROUNDS * n_jobs
    command = [*space, "seconds=0.6", f"hydra.sweeper.n_trials={n_trials}", f"hydra.sweeper.n_jobs={n_jobs}"]
    assert killed_again_and_again(tmp_path, [*command, "hydra.sweeper.max_retries=1000"], ROUNDS) == ROUNDS
    found = trials(tmp_path)
    assert [trial.number for trial in found] == list(range(n_trials))
    assert all(trial.state.name in ("COMPLETE", "PRUNED") for trial in found)
    if n_jobs == 1:
        untouched = tmp_path / "untouched"
        untouched.mkdir()
        assert toy(untouched, *space, "seconds=0.6", f"hydra.sweeper.n_trials={n_trials}").returncode == 0
        assert list(map(told, found)) == list(map(told, trials(untouched)))


def test_a_kill_between_a_result_and_its_record(tmp_path: Path) -> None:
    chaos = (
        f"+hydra.callbacks.chaos={{_target_:tests.helpers.toy.chaos.BetweenResultAndRecord,marker:'{tmp_path}/died'}}"
    )
    done = toy_workers(tmp_path, "x=range(0,3)", "hydra.sweeper.n_jobs=1", chaos)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "died").exists()
    assert states(tmp_path) == {"COMPLETE": 3}
    assert [trial.value for trial in trials(tmp_path)] == [0, 1, 4]


@pytest.mark.slow
def test_a_kill_between_the_pruners_word_and_its_record(tmp_path: Path) -> None:
    search = ["x=interval(-5,5)", "steps=6", "hydra.sweeper.n_trials=12", "hydra.sweeper.n_jobs=1"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in (whole, broken):
        folder.mkdir()
    chaos = "tests.helpers.toy.chaos.BetweenThePrunersWordAndItsRecord"
    for folder, more in (
        (whole, []),
        (broken, [f"+hydra.callbacks.chaos={{_target_:{chaos},marker:'{tmp_path}/died'}}"]),
    ):
        done = toy_workers(folder, *search, *more)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "died").exists()
    assert "PRUNED" in states(whole)
    assert list(map(told, trials(broken))) == list(map(told, trials(whole)))


def runs(folder: Path) -> list[Run]:
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name("convsweep")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id], "tags.`convsweep.role` = 'trial'")
    return sorted(found, key=lambda run: int(run.data.tags["convsweep.trial"]))


def curve(folder: Path, run: Run, metric: str) -> list[tuple[int, float]]:
    history = MlflowClient(f"sqlite:///{folder}/mlflow.db").get_metric_history(run.info.run_id, metric)
    return [(point.step, point.value) for point in history]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_real_sweep_is_the_same_after_kills_an_interrupt_and_a_torn_checkpoint(tmp_path: Path) -> None:
    """A worker dies while it writes a checkpoint, the driver is killed, then interrupted: no bit changes."""
    command = [
        "model.dropout=interval(0.1,0.5)", "schedule=constant,cosine", "training.epochs=12",
        "model.filters=24", "training.batch_size=8", "hydra.sweeper.n_trials=3", "hydra.sweeper.n_jobs=1",
        "hydra.sweeper.study_name=s", "hydra/sweeper/scheduler=none",
    ]  # fmt: skip
    dying = "tests.helpers.toy.chaos.WhileACheckpointIsWritten"
    chaos = f"+hydra.callbacks.chaos={{_target_:{dying},marker:'{tmp_path}/died'}}"
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in (whole, broken):
        folder.mkdir()

    def sweep(folder: Path, stop: int | None, epochs: int, *more: str) -> int:
        process = start(["-m", "src.sweep", "-m", *command, *more], folder)
        journal = folder / "multirun/s/journal.log"
        while stop is not None and process.poll() is None:
            reported = 0
            with contextlib.suppress(KeyError):  # a journal in which the study is not yet
                reported = sum(len(t.intermediate_values) for t in trials(folder, "s")) if journal.exists() else 0
            if reported >= epochs:
                process.send_signal(stop)
                break
            time.sleep(0.05)
        out, err = process.communicate(timeout=300)
        assert "Traceback" not in err, err
        assert process.returncode <= 0 or process.returncode == 130, out + err
        return process.returncode

    assert sweep(whole, None, 0) == 0
    assert sweep(broken, signal.SIGKILL, 10, chaos) == -signal.SIGKILL
    assert (tmp_path / "died").exists()
    assert sweep(broken, signal.SIGINT, 20, chaos) == 130
    waiting = [trial.number for trial in trials(broken, "s") if trial.state.name == "WAITING" and trial.params]
    assert [(broken / f"multirun/s/trial-{number:04d}/checkpoint.npz").exists() for number in waiting] == [True]
    assert sweep(broken, None, 0, chaos) == 0
    assert not list(broken.glob("multirun/s/*/checkpoint*"))
    assert list(map(told, trials(broken, "s"))) == list(map(told, trials(whole, "s")))
    once, again = runs(whole), runs(broken)
    assert len(once) == len(again) == 3
    for one, other in zip(once, again, strict=True):
        assert one.info.status == other.info.status
        for metric in ("train/loss", "val/accuracy", "train/learning_rate", "objective"):
            assert curve(whole, one, metric) == curve(broken, other, metric)


TINY = [
    "model=mlp",
    "model.dense_units=4,5,6,7",
    "dataset.limit=100",
    "training.epochs=1",
    "hydra.sweeper.study_name=s",
]


@pytest.mark.slow
def test_a_real_sweep_while_the_clock_jumps_and_after_its_journal_was_cut(tmp_path: Path) -> None:
    command = ["-m", "src.sweep", "-m", "hydra/launcher=basic", *TINY, "hydra.sweeper.timeout=600"]
    wall, jump = time.time, random.Random(0)
    with mock.patch("time.time", lambda: wall() + jump.uniform(-1e5, 1e5)):
        assert run_inside([*command, "hydra.sweeper.n_trials=2"], tmp_path).returncode == 0
    journal = tmp_path / "multirun/s/journal.log"
    before = trials(tmp_path, "s")
    journal.write_bytes(journal.read_bytes() + b'{"op_code": 6, "wor')
    done = run_inside([*command, "hydra.sweeper.n_trials=4"], tmp_path)
    assert done.returncode == 0, done.stderr
    found = trials(tmp_path, "s")
    assert list(map(told, found[:2])) == list(map(told, before))
    assert states(tmp_path, "s") == {"COMPLETE": 4}
    assert [run.info.status for run in runs(tmp_path)] == ["FINISHED"] * 4


@pytest.mark.cluster  # takes a minute, and more
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounts a small file system")
def test_a_real_sweep_on_a_disk_that_fills_up(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], check=True)
    try:
        space = ["model.dropout=interval(0,0.5)", "hydra/sweeper/sampler=random", "hydra.sweeper.n_trials=30"]
        command = ["-m", "src.sweep", "-m", *[part for part in TINY if "units" not in part], *space]
        full = run(command, disk)
        # The study has no room first, or MLflow's database, whose records then wait.
        assert full.returncode == 1 or "waiting  for MLflow" in full.stdout
        assert "No space left on device" in full.stdout + full.stderr
        done = {t.number: t.value for t in trials(disk, "s") if t.state.name == "COMPLETE"}
        subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=True)
        again = run(command, disk)
        assert again.returncode == 0, again.stderr
        found = trials(disk, "s")
        assert states(disk, "s") == {"COMPLETE": 30}
        assert {number: found[number].value for number in done} == done
        assert [run.info.status for run in runs(disk)] == ["FINISHED"] * 30
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
