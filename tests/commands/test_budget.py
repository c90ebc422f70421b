"""Budgets in trials, epochs and time: held, spent once, and never ended with a half-trained answer."""

from pathlib import Path

import pytest

from tests.helpers.command import results, states, toy, toy_workers, trials

FIRST = "hydra.sweeper.scheduler.min_resource=3"
ASHA = ["x=interval(-5,5)", "hydra/sweeper/scheduler=asha", FIRST, "steps=20"]
NONE = ["x=interval(-5,5)", "hydra/sweeper/pruner=none", "steps=10"]


def epochs(folder: Path) -> int:
    return sum(len(trial.intermediate_values) for trial in trials(folder))


def test_a_budget_of_trials_is_n_trials(tmp_path: Path) -> None:
    done = toy(tmp_path, "x=interval(-5,5)", "hydra.sweeper.budget=4trials")
    assert done.returncode == 0, done.stderr
    assert len(trials(tmp_path)) == 4
    assert "budget  4 trials, " in done.stdout
    assert "hydra.sweeper.budget=8" in done.stdout


def test_a_budget_of_epochs_holds_exactly_and_goes_on(tmp_path: Path) -> None:
    done = toy(tmp_path, *NONE, "hydra.sweeper.max_resource=10", "hydra.sweeper.budget=47epochs")
    assert done.returncode == 0, done.stderr
    assert states(tmp_path) == {"COMPLETE": 4}
    assert "budget  47 epochs, drawn by TPESampler" in done.stdout
    again = toy(tmp_path, *NONE, "hydra.sweeper.max_resource=10", "hydra.sweeper.budget=94epochs")
    assert again.returncode == 0, again.stderr
    assert "budget  94 epochs, 4 trials done" in again.stdout
    assert states(tmp_path) == {"COMPLETE": 9}


def test_trials_that_report_nothing_cost_their_length(tmp_path: Path) -> None:
    several = ["several=true", "hydra.sweeper.direction=[minimize,minimize]", "hydra.sweeper.max_resource=10"]
    assert toy(tmp_path, *NONE, *several, "hydra.sweeper.budget=47epochs").returncode == 0
    assert states(tmp_path) == {"COMPLETE": 4}


def test_the_length_of_a_trial_is_learnt_from_the_first(tmp_path: Path) -> None:
    assert toy(tmp_path, *NONE, "hydra.sweeper.budget=47epochs").returncode == 0
    assert states(tmp_path) == {"COMPLETE": 4}


@pytest.mark.slow
def test_several_workers_hold_a_budget_of_epochs(tmp_path: Path) -> None:
    budget = ["hydra.sweeper.max_resource=10", "hydra.sweeper.budget=47epochs", "hydra.sweeper.n_jobs=3"]
    assert toy_workers(tmp_path, *NONE, *budget, "seconds=0.3").returncode == 0
    assert states(tmp_path) == {"COMPLETE": 4}


def test_pruned_trials_leave_their_epochs_to_others(tmp_path: Path) -> None:
    pruned = ["x=interval(-5,5)", "steps=9", "hydra/sweeper/pruner=successive_halving", "hydra.sweeper.max_resource=9"]
    assert toy(tmp_path, *pruned, "hydra.sweeper.budget=90epochs").returncode == 0
    assert len(trials(tmp_path)) > 10
    assert 81 < epochs(tmp_path) <= 90


@pytest.mark.parametrize("budget", [20, 45, pytest.param(120, marks=pytest.mark.slow)])
def test_a_scheduler_keeps_what_the_training_of_its_answer_needs(tmp_path: Path, budget: int) -> None:
    done = toy(tmp_path, *ASHA, "hydra.sweeper.max_resource=20", f"hydra.sweeper.budget={budget}epochs")
    assert done.returncode == 0, done.stderr
    found = trials(tmp_path)
    assert all(trial.state.is_finished() for trial in found)
    assert epochs(tmp_path) <= budget
    best = found[results(tmp_path)["best_trial"]]
    assert len(best.intermediate_values) == 20
    reached = max(step for trial in found for step in trial.intermediate_values if step in (3, 9))
    assert best == min(found, key=lambda trial: trial.intermediate_values.get(reached, 1e9))


def test_a_budget_smaller_than_a_trial_still_has_an_answer(tmp_path: Path) -> None:
    done = toy(tmp_path, *ASHA, "hydra.sweeper.max_resource=20", "hydra.sweeper.budget=5epochs")
    assert done.returncode == 0, done.stderr
    assert [len(trial.intermediate_values) for trial in trials(tmp_path)] == [20]


@pytest.mark.parametrize("n_jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
@pytest.mark.slow
def test_a_budget_of_time_ends_with_a_trained_answer(tmp_path: Path, n_jobs: int) -> None:
    command = [*ASHA, "hydra.sweeper.max_resource=20", "seconds=0.5", f"hydra.sweeper.n_jobs={n_jobs}"]
    done = toy_workers(tmp_path, *command, "hydra.sweeper.budget=4s")
    assert done.returncode == 0, done.stderr
    assert "budget  4 s, drawn by TPESampler" in done.stdout
    found = trials(tmp_path)
    assert all(trial.state.is_finished() for trial in found)
    assert len(found[results(tmp_path)["best_trial"]].intermediate_values) == 20
    again = toy_workers(tmp_path, *command, "hydra.sweeper.budget=4s")
    assert again.returncode == 0, again.stderr
    assert len(trials(tmp_path)) == len(found), "the time is spent, and is not spent again"


@pytest.mark.slow
def test_a_budget_that_tried_next_to_nothing_says_so(tmp_path: Path) -> None:
    done = toy(tmp_path, *NONE, "hydra.sweeper.max_resource=10", "hydra.sweeper.budget=30epochs")
    assert "note     only 3 configurations were tried in 30 epochs: too few" in done.stdout
    timed = [*ASHA, "hydra.sweeper.max_resource=20", "hydra.sweeper.study_name=timed", "seconds=4"]
    done = toy(tmp_path, *timed, "hydra.sweeper.budget=1s")
    assert done.returncode == 0, done.stderr
    assert "tried in 1 s: too few" in done.stdout
    assert "go on    " in done.stdout
    assert "tried in" not in toy(tmp_path, *NONE, "hydra.sweeper.n_trials=2").stdout


def test_a_finite_space_ends_before_its_budget(tmp_path: Path) -> None:
    assert toy(tmp_path, "x=1,2,3", "steps=5", "hydra.sweeper.budget=1000epochs").returncode == 0
    assert states(tmp_path) == {"COMPLETE": 3}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["hydra.sweeper.budget=soon"], "`hydra.sweeper.budget` must be a number of trials, of epochs, or a time"),
        (["hydra.sweeper.budget=0"], "`hydra.sweeper.budget` must be a number of trials, of epochs, or a time"),
        (
            ["hydra.sweeper.budget=9trials", "hydra.sweeper.n_trials=5"],
            "`hydra.sweeper.budget` must not count trials beside hydra.sweeper.n_trials=5",
        ),
        (["hydra.sweeper.n_trials=0"], "`hydra.sweeper.n_trials` must be 1 or more"),
        (
            ["hydra/sweeper/scheduler=asha", "hydra.sweeper.budget=90epochs"],
            "`hydra.sweeper.max_resource` must say how many steps a trial has",
        ),
        (["hydra.sweeper.max_resource=0"], "`hydra.sweeper.max_resource` must be 1 or more steps"),
    ],
)
def test_what_is_no_budget_is_refused(tmp_path: Path, overrides: list[str], message: str) -> None:
    done = toy(tmp_path, "x=1,2", *overrides)
    assert done.returncode == 1
    assert message in done.stderr
