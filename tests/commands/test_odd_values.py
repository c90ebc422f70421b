"""Values that compare oddly, all the way: searched, enqueued, conditioned on, resumed and written down."""

import math
from pathlib import Path

import pytest

from convsweep.space.values import hashable
from tests.helpers.command import results, toy, trials


@pytest.mark.slow
def test_nan_and_its_like_are_values_as_others(tmp_path: Path) -> None:
    space = ["y=1,nan,inf,null,'1',-0.0", "+z=a,b", "+hydra.sweeper.conditions.z='y=nan,null'"]
    done = toy(tmp_path, *space, "hydra.sweeper.enqueue=[{y:nan,z:b},{y:-0.0}]")
    assert done.returncode == 0, done.stderr
    assert "y {1, nan, inf, null, '1', -0.0}" in done.stdout
    found = [trial.params for trial in trials(tmp_path)]
    assert math.isnan(found[0]["y"])
    assert found[1]["y"] == 0.0
    assert len({hashable(params) for params in found}) == len(found) == 8
    assert math.isnan(trials(tmp_path)[0].user_attrs["seen"]["y"])
    again = toy(tmp_path, *space, "hydra.sweeper.n_trials=30")
    assert again.returncode == 0, again.stderr
    assert len(trials(tmp_path)) == 8, "each of them has been run"


@pytest.mark.slow
def test_they_are_drawn_taken_over_and_written_down(tmp_path: Path) -> None:
    space = ["y=1,nan,inf,null", "x=interval(0,1)", "hydra.sweeper.n_trials=6", "hydra/sweeper/pruner=none"]
    done = toy(tmp_path, *space, "hydra.sweeper.enqueue=[{y:nan,x:0.0}]")
    assert done.returncode == 0, done.stderr
    assert math.isnan(results(tmp_path)["best_params"]["y"])
    warm = [*space, "hydra.sweeper.study_name=warm", "hydra.sweeper.warm_start_from=toy"]
    assert toy(tmp_path, *warm).returncode == 0
    assert math.isnan(trials(tmp_path, "warm")[0].params["y"])
    more = [override for override in warm if "n_trials" not in override]
    assert toy(tmp_path, *more, "hydra.sweeper.n_trials=12").returncode == 0
    assert len(trials(tmp_path, "warm")) == 12
