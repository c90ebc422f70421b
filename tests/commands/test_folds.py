"""k-fold from the command line: what a sweep says, what it spares itself, and what is refused in a line."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.helpers.command import run_inside, trials

SMALL = ["training.epochs=1", "model=mlp", "model.dense_units=8", "dataset.limit=90", "training.batch_size=16"]


@pytest.mark.slow
def test_a_sweep_shows_the_spread_and_a_hopeless_trial_ends_after_its_first_fold(tmp_path: Path) -> None:
    rates = "optimizer.learning_rate=0.03,0.02,1e-7"
    sweep = [
        "-m",
        "hydra/launcher=basic",
        "hydra.sweeper.study_name=s",
        rates,
        "dataset.folds=3",
        "hydra/sweeper/scheduler=asha",
    ]
    done = run_inside(["-m", "src.sweep", *sweep, *SMALL], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "pausing at 1, one in 3 going on" in done.stdout
    found = trials(tmp_path, "s")
    best = max((trial for trial in found if trial.state.name == "COMPLETE"), key=lambda trial: trial.value or 0)
    hopeless = next(trial for trial in found if trial.params["optimizer.learning_rate"] == 1e-7)
    assert list(best.intermediate_values) == [1, 2, 3]
    assert list(hopeless.intermediate_values) == [1]
    (run,) = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db").search_runs(
        ["1"], f"tags.`convsweep.trial` = '{best.number}'"
    )
    spread = run.data.metrics["objective_std"]
    assert f"{best.value:.5g} ± {spread:.2g}" in done.stdout
    assert {"fold_1/val_accuracy", "fold_3/val_accuracy", "val/accuracy"} <= set(run.data.metrics)


@pytest.mark.slow
def test_a_single_run_says_what_the_folds_came_to(tmp_path: Path) -> None:
    done = run_inside(["-m", "src.sweep", "dataset.folds=2", *SMALL], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "fold 2/2, epoch 1/1: loss" in done.stdout
    assert "mean and standard deviation of 2 folds" in done.stdout
    assert " on 90 validation images" in done.stdout


@pytest.mark.parametrize(
    "sweep",
    [
        pytest.param([], marks=pytest.mark.slow, id="run"),
        pytest.param(["-m", "hydra/launcher=basic", "optimizer=adam,sgd"], id="-m"),
    ],
)
@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["dataset.folds=10"], "`dataset.folds` must be at most 9, the number of images of class "),
        (
            ["dataset.folds=0"],
            "`dataset.folds` must be a whole number from 2, or null for one split, got 0; type e.g. ",
        ),
        (['objective="recall[nine]"'], "`recall[nine]` must name one of the classes 0, 1, 2, 3, "),
        (["constraints=['recall[x] >= 0.5']"], "`recall[x]` must name one of the classes 0, 1, 2, 3, "),
    ],
)
def test_what_does_not_fit_the_data_is_one_line_before_anything_trains(
    tmp_path: Path, sweep: list[str], typed: list[str], message: str
) -> None:
    done = run_inside(["-m", "src.sweep", *sweep, *SMALL, *typed], tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith(f"error: {message}")
    assert "epoch 1" not in done.stdout


@pytest.mark.slow
def test_a_budget_counts_what_a_step_is(tmp_path: Path) -> None:
    for folds, budget, instead in ((3, "60epochs", "60folds"), (3, "9 steps", "9folds"), ("null", "9folds", "9epochs")):
        typed = ["-m", "optimizer=adam,sgd", f"dataset.folds={folds}", f"hydra.sweeper.budget='{budget}'"]
        done = run_inside(["-m", "src.sweep", *typed], tmp_path)
        assert done.returncode == 1
        assert done.stderr.strip().endswith(f"got {budget}; type e.g. hydra.sweeper.budget={instead}")
