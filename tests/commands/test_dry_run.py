"""`--dry-run`: what a sweep would do, of a new study and of one that is begun, without a trace of it."""

from pathlib import Path

import pytest

from src.config import as_dry_run
from tests.helpers.command import run_inside, states, toy, trials

DRY = "hydra.sweeper.dry_run=true"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def first(out: str) -> list[str]:
    """Return the configurations that are shown."""
    return [line[8:].partition(": ")[2] for line in out.splitlines() if line[8:].startswith("trial ")]


def test_a_new_study_is_shown_and_not_made(tmp_path: Path) -> None:
    done = toy(tmp_path, DRY, "x=1,2,3", "hydra.sweeper.n_trials=9")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "size    3 combinations of 1 searched key" in lines
    assert "first   trial 0: x=1" in lines
    assert first(done.stdout) == ["x=1", "x=2", "x=3"]
    assert lines[-2].startswith("cost    not known: no trial has ended")
    assert lines[-1].startswith("dry run nothing was trained and nothing written")
    assert not (tmp_path / "multirun").exists()


@pytest.mark.slow
def test_the_configurations_that_are_shown_are_those_that_are_run(tmp_path: Path) -> None:
    search = ["x=interval(0,4)", "y=choice(1,2)", "hydra.sweeper.n_trials=7", "hydra.sweeper.seed=3"]
    shown = toy(tmp_path, DRY, *search)
    assert "size    countless combinations of 2 searched keys" in shown.stdout
    assert len(first(shown.stdout)) == 5
    assert toy(tmp_path, *search).returncode == 0
    ran = [f"x={trial.params['x']:.4g} y={trial.params['y']}" for trial in trials(tmp_path)]
    assert first(shown.stdout) == ran[:5]
    before = files(tmp_path)
    again = toy(tmp_path, DRY, *search)
    assert "first   none: nothing is left to do" in again.stdout
    more = toy(tmp_path, DRY, *search[:2], "hydra.sweeper.n_trials=9", "hydra.sweeper.seed=3")
    assert "9 trials, 7 of them done" in more.stdout
    assert "trial 7: " in more.stdout
    assert files(tmp_path) == before
    assert states(tmp_path) == {"COMPLETE": 7}


@pytest.mark.slow
def test_the_cost_is_that_of_trials_like_these(tmp_path: Path) -> None:
    assert toy(tmp_path, "x=1,2", "hydra.sweeper.study_name=short", "seconds=0.02").returncode == 0
    done = toy(tmp_path, DRY, "x=2,1", "hydra.sweeper.study_name=new", "seconds=0.02")
    [cost] = [line for line in done.stdout.splitlines() if line.startswith("cost")]
    assert "with 1 worker: " in cost
    assert cost.endswith("s a trial, as 2 like it in short")
    done = toy(tmp_path, DRY, "x=2", "hydra.sweeper.study_name=new", "seconds=7")
    [cost] = [line for line in done.stdout.splitlines() if line.startswith("cost")]
    assert cost.endswith("as one like it in short, which differs in seconds=0.02")
    again = toy(tmp_path, DRY, "x=interval(2,3)", "hydra.sweeper.n_trials=8", "hydra.sweeper.confirm=2x2", "seconds=7")
    [cost] = [line for line in again.stdout.splitlines() if line.startswith("cost")]
    assert " with 1 worker if none stops early, 0:00:01 of it to train the best again: " in cost
    timed = toy(tmp_path, DRY, "x=interval(0,1)", "hydra.sweeper.study_name=new", "hydra.sweeper.budget=20min")
    assert "cost    20 min, then what the best trial needs to its end" in timed.stdout


@pytest.mark.slow
def test_what_a_sweep_refuses_a_dry_run_refuses(tmp_path: Path) -> None:
    name = "hydra.sweeper.study_name=one"
    assert toy(tmp_path, "x=1,2", name).returncode == 0
    before = files(tmp_path)
    done = toy(tmp_path, DRY, "x=1,2,3", name)
    assert done.returncode == 1
    assert "its command was another one" in done.stderr
    done = toy(tmp_path, DRY, "x=1,2,3", name, "hydra.sweeper.on_change=new")
    assert done.stdout.startswith("study   one-2: ")
    done = toy(tmp_path, DRY, "x=1,2,3", name, "hydra.sweeper.on_change=continue")
    assert first(done.stdout) == ["x=3"] or done.returncode == 1, "Optuna keeps a parameter's choices"
    assert files(tmp_path) == before


def test_the_application_takes_it_as_a_flag_anywhere(tmp_path: Path) -> None:
    done = run_inside(["-m", "src.sweep", "--dry-run", "-m", "optimizer=adam,rmsprop"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert first(done.stdout) == ["optimizer=adam", "optimizer=rmsprop"]
    done = run_inside(["-m", "src.sweep", "model.depth=3", "--dry-run"], tmp_path)
    assert first(done.stdout) == ["the config as it is"], "a single run is no training either"
    assert not (tmp_path / "multirun").exists() and not (tmp_path / "mlflow.db").exists()


def test_a_dry_run_says_which_classes_there_are_and_reads_no_image(tmp_path: Path) -> None:
    for file in ("data/cat/1.jpg", "data/cat/2.jpg", "data/dog/1.jpg", "data/dog/2.jpg"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(b"no image")
    data = ["dataset=image_folder", f"dataset.path={tmp_path / 'data'}"]
    done = run_inside(["-m", "src.sweep", "--dry-run", *data], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "dataset 4 files of 2 classes: cat (2), dog (2)" in done.stdout.splitlines()


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (["-m", "a=1,2", "--dry-run"], ["-m", "a=1,2", DRY]),
        (["--dry-run", "-m", "a=1,2", "b=1"], ["-m", "a=1,2", "b=1", DRY]),
        (["a=1", "--dry-run", "--cfg", "job"], ["-m", "a=1", DRY, "--cfg", "job"]),
        (["--dry-run"], ["-m", DRY]),
    ],
)
def test_the_flag_is_an_override_beside_the_others(typed: list[str], read: list[str]) -> None:
    assert as_dry_run(typed) == read
