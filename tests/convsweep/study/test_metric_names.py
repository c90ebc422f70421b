"""What a study's values are called, and where that is shown."""

from pathlib import Path

import optuna
from rich.console import Console

from convsweep.display.summary import show_best
from convsweep.display.words import goals_in_words, values_in_words
from convsweep.study.metric_names import given_names, metric_names, name_metrics
from tests.helpers.command import load_study, toy


def test_each_objective_is_a_column_with_its_name() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    study.add_trial(optuna.create_trial(values=[0.9, 12345.0]))
    assert (given_names(study), metric_names(study)) == ([], ["value 0", "value 1"])
    assert goals_in_words(study) == "maximize and minimize"
    name_metrics(study, ["val_accuracy", "parameters"])
    assert metric_names(study) == ["val_accuracy", "parameters"]
    assert goals_in_words(study) == "maximize val_accuracy and minimize parameters"
    assert values_in_words(study.trials[0], metric_names(study)) == "val_accuracy=0.9 parameters=12345"
    console = Console(width=80, record=True)
    show_best(study, console)
    words = [line.split() for line in console.export_text().splitlines()]
    assert words[1][:4] == ["trial", "val_accuracy", "parameters", "seconds"]
    assert words[2][:3] == ["0", "0.9", "12345"]


def test_a_sweep_shows_the_name_that_it_was_given(tmp_path: Path) -> None:
    done = toy(tmp_path, "x=1,2", "hydra.sweeper.metric_names=[height]")
    assert "study   toy: minimize height, in" in done.stdout
    assert "; best height=" in done.stdout
    assert given_names(load_study(tmp_path, "toy")) == ["height"]
    wrong = toy(tmp_path, "x=1,2", "hydra.sweeper.metric_names=[a,b]")
    assert "`hydra.sweeper.metric_names` must be a list of 1, a name for each direction, or null" in wrong.stderr
