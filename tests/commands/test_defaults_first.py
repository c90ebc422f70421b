"""A drawn search begins with what the config itself describes."""

from pathlib import Path

import pytest

from convsweep.policy.asha import DESCRIBED
from tests.helpers.command import results, toy, trials

ON = "hydra.sweeper.try_defaults=true"
SPACE = ["x=interval(-5,5)", "group=low,high", "hydra.sweeper.n_trials=4", "hydra/sweeper/pruner=none"]


def test_the_default_comes_first_and_once(tmp_path: Path) -> None:
    done = toy(tmp_path, *SPACE, ON)
    assert done.returncode == 0, done.stderr
    assert trials(tmp_path)[0].params == {"x": 1.0, "group": "low"}
    assert [DESCRIBED in trial.system_attrs for trial in trials(tmp_path)] == [True, False, False, False]
    again = toy(tmp_path, *SPACE, ON, "hydra.sweeper.n_trials=7")
    assert again.returncode == 0, again.stderr
    assert [t.params == {"x": 1.0, "group": "low"} for t in trials(tmp_path)] == [True] + 6 * [False]


def test_a_budget_of_epochs_begins_with_it_too(tmp_path: Path) -> None:
    budget = ["hydra.sweeper.n_trials=null", "hydra.sweeper.budget=9epochs", "hydra.sweeper.max_resource=3"]
    assert toy(tmp_path, *SPACE, *budget, ON).returncode == 0
    assert [trial.params == {"x": 1.0, "group": "low"} for trial in trials(tmp_path)] == [True, False, False]


@pytest.mark.slow
def test_it_comes_after_what_is_enqueued_or_taken_over_and_not_beside_the_same(tmp_path: Path) -> None:
    enqueued = "hydra.sweeper.enqueue=[{x:2,group:high},{x:1,group:low}]"
    assert toy(tmp_path, *SPACE, ON, enqueued).returncode == 0
    found = [trial.params for trial in trials(tmp_path)]
    assert found[:2] == [{"x": 2.0, "group": "high"}, {"x": 1.0, "group": "low"}]
    assert {"x": 1.0, "group": "low"} not in found[2:]
    best = results(tmp_path)["best_params"]
    warm = ["hydra.sweeper.study_name=warm", "hydra.sweeper.warm_start_from=toy", "x=interval(-5,0.9)"]
    assert toy(tmp_path, *SPACE[1:], *warm, ON, "hydra.sweeper.enqueue=[{group:high}]").returncode == 0
    known = [trial.params for trial in trials(tmp_path, "warm")]
    assert known[0]["group"] == best["group"]
    assert "high" in [params["group"] for params in known]


@pytest.mark.slow
def test_a_study_begun_without_it_goes_on_without_it(tmp_path: Path) -> None:
    assert toy(tmp_path, *SPACE).returncode == 0
    assert toy(tmp_path, *SPACE, ON, "hydra.sweeper.n_trials=6").returncode == 0
    assert all(trial.params["x"] != 1.0 for trial in trials(tmp_path))


@pytest.mark.parametrize("more", [["x=1,2,3"], ["x=range(1,4)", "hydra.sweeper.n_trials=3"]])
def test_where_every_combination_is_tried_the_order_stays(tmp_path: Path, more: list[str]) -> None:
    assert toy(tmp_path, *more, "group=low", ON).returncode == 0
    assert [trial.params["x"] for trial in trials(tmp_path)] == [1, 2, 3]


def test_a_custom_space_adds_to_it(tmp_path: Path) -> None:
    custom = "hydra.sweeper.custom_search_space=tests.helpers.toy.search.near_x"
    done = toy(tmp_path, "x=interval(-5,5)", "hydra.sweeper.n_trials=2", custom, ON)
    assert done.returncode == 0, done.stderr
    first = trials(tmp_path)[0]
    assert first.params["x"] == 1.0
    assert first.params.keys() == {"x", "y", "extra"} or first.params.keys() == {"x", "y", "+extra"}
