"""What has failed is run again as new trials with the same values, beside the budget."""

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from convsweep.policy.asha import DESCRIBED
from convsweep.policy.work import RETRIED
from convsweep.study.queue import fill
from convsweep.study.retrying import RETRIES_OF, failed, to_retry
from tests.helpers.command import states, toy, trials
from tests.helpers.spaces import finish, run, space, study_of

GRID = ["group=low,high", "x=1,2"]
RETRY = "hydra.sweeper.retry_failed=true"


def test_a_grids_failed_combinations_are_run_again(tmp_path: Path) -> None:
    """A setting stands for the code that is mended: `on_change` lets it be the same study."""
    grid = [*GRID, "hydra.sweeper.n_trials=4", "hydra.sweeper.on_change=continue"]
    broken = toy(tmp_path, *grid, "fail_above=1")
    assert broken.stdout.splitlines()[-1].startswith("retry    ")
    assert broken.stdout.splitlines()[-1].endswith(RETRY)
    assert states(tmp_path) == {"COMPLETE": 2, "FAIL": 2}
    assert "2 of them done" not in toy(tmp_path, *grid).stdout
    dry = toy(tmp_path, *grid, RETRY, "hydra.sweeper.dry_run=true")
    assert "budget  6 trials, 4 of them done" in dry.stdout
    mended = toy(tmp_path, *grid, RETRY)
    assert mended.returncode == 0, mended.stderr
    assert "budget  6 trials, 4 of them done" in mended.stdout
    assert "retry    " not in mended.stdout
    found = trials(tmp_path)
    assert [trial.state.name for trial in found[4:]] == ["COMPLETE"] * 2
    assert [trial.params for trial in found[4:]] == [trial.params for trial in found if trial.state.name == "FAIL"]
    for more in ([], [RETRY]):
        assert toy(tmp_path, *grid, *more).returncode == 0
        assert len(trials(tmp_path)) == 6, "once"


@pytest.mark.slow
def test_what_fails_again_can_be_retried_again_and_the_budget_grows_beside_it(tmp_path: Path) -> None:
    drawn = ["x=interval(0,4)", "hydra.sweeper.on_change=continue"]
    toy(tmp_path, *drawn, "fail_above=2", "hydra.sweeper.n_trials=6")
    count = states(tmp_path)["FAIL"]
    assert count
    again = toy(tmp_path, *drawn, "fail_above=2", "hydra.sweeper.n_trials=6", RETRY)
    assert "retry    " in again.stdout
    assert states(tmp_path) == {"COMPLETE": 6 - count, "FAIL": 2 * count}
    assert toy(tmp_path, *drawn, "hydra.sweeper.n_trials=9", RETRY).returncode == 0
    assert states(tmp_path) == {"COMPLETE": 9, "FAIL": 2 * count}
    found = trials(tmp_path)
    for number in range(count):
        assert found[6 + number].params == found[6 + count + number].params


def test_what_failed_by_its_values_is_not_run_again() -> None:
    found = space("x=interval(0,1)", conditions={})
    study = study_of(found)
    finish(study, found, x=0.1)
    finish(study, found, x=0.2, diverged=1.0)
    finish(study, found, x=0.9)
    finish(study, found, x=0.3, value=1.0)
    assert [trial.number for trial in failed(study)] == [0, 2]
    assert to_retry(study, space("x=interval(0,0.5)", conditions={})) == [({"x": 0.1}, {RETRIES_OF: 0})]


def test_the_configuration_that_the_config_describes_stays_so_when_it_is_retried() -> None:
    found = space("x=interval(0,1)", conditions={})
    study = study_of(found)
    fill(study, found, 3, described=lambda: {"x": 0.5})
    for state in ("RUNNING", "FAIL"):
        study._storage.set_trial_state_values(study.trials[0]._trial_id, TrialState[state])
    fill(study, found, 3, again=to_retry(study, found), beside=1)
    run(study, found)
    assert [trial.number for trial in study.trials if DESCRIBED in trial.system_attrs] == [0, 1]
    assert study.trials[1].params == {"x": 0.5}


@pytest.mark.slow
@pytest.mark.parametrize("waiting", [False, True])
def test_a_driver_that_is_killed_before_the_study_knows_what_it_retries_retries_nothing_twice(
    tmp_path: Path, waiting: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`waiting`: whether there are trials that wait without values, which take those of what failed."""
    drawn = ["x=interval(0,1)", "hydra.sweeper.on_change=continue", "hydra.sweeper.n_trials=4"]
    stop = ["hydra.sweeper.max_consecutive_failures=2"] if waiting else []
    toy(tmp_path, *drawn, *stop, "fail_above=-1")
    count = states(tmp_path)["FAIL"]
    assert states(tmp_path)["WAITING"] == 4 - count == (2 if waiting else 0)
    keep = optuna.Study.set_user_attr

    def killed(study: optuna.Study, key: str, value: Any) -> None:
        if key == RETRIED:
            raise KeyboardInterrupt
        keep(study, key, value)

    monkeypatch.setattr(optuna.Study, "set_user_attr", killed)
    assert toy(tmp_path, *drawn, RETRY).returncode == 130
    monkeypatch.undo()
    laid_out = len(trials(tmp_path))
    assert laid_out == 4 + count
    done = toy(tmp_path, *drawn, RETRY)
    assert f"budget  {4 + count} trials, {count} of them done" in done.stdout, done.stderr
    assert states(tmp_path) == {"FAIL": count, "COMPLETE": 4}
    params = [trial.params["x"] for trial in trials(tmp_path)]
    assert sorted(params.count(x) for x in set(params)) == [1] * (4 - count) + [2] * count


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "retried"),
    [
        ("hydra.sweeper.max_consecutive_failures=3", ""),
        ("hydra.sweeper.patience=4", ""),
        ("hydra.sweeper.n_trials=4", "hydra.sweeper.n_trials=2"),
    ],
)
def test_the_retry_that_is_printed_runs_what_failed_whatever_ended_the_sweep(
    tmp_path: Path, limit: str, retried: str
) -> None:
    drawn = ["x=interval(0,4)", "hydra.sweeper.on_change=continue", "hydra.sweeper.n_jobs=1", limit]
    broken = toy(tmp_path, *drawn, "fail_above=-1")
    assert "retry    " in broken.stdout
    count = states(tmp_path)["FAIL"]
    mended = toy(tmp_path, *drawn, *filter(None, [retried]), RETRY)
    found = trials(tmp_path)
    again = [trial.params for trial in found[count : 2 * count]]
    assert again == [trial.params for trial in found[:count]], mended.stdout
    assert {trial.state.name for trial in found[count : 2 * count]} == {"COMPLETE"}


@pytest.mark.slow
def test_a_spent_budget_of_epochs_is_raised_for_what_failed(tmp_path: Path) -> None:
    drawn = ["x=interval(0,4)", "hydra.sweeper.on_change=continue", "hydra.sweeper.n_jobs=1"]
    broken = toy(tmp_path, *drawn, "fail_above=-1", "hydra.sweeper.budget=6steps", "hydra.sweeper.max_resource=3")
    retry = broken.stdout.splitlines()[-1]
    assert retry.startswith("retry    ") and retry.endswith(f"hydra.sweeper.budget=12epochs {RETRY}")
