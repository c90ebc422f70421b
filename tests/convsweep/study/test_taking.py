"""Workers that want a trial in the same moment: none goes away while there is, or may be, something to do."""

import threading
import time
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from convsweep.policy.asha import Asha
from convsweep.policy.policy import Policy
from convsweep.policy.time_budget import FINISH
from convsweep.study.trial_states import _is_taken, take
from tests.helpers.crowd import crowd, open_study


def test_workers_stay_as_long_as_a_budget_of_time_has_room(storage: str | None, tmp_path: Path) -> None:
    told: list[float] = []

    def finish() -> None:
        study = open_study(storage, tmp_path)
        while sum(trial.state.is_finished() for trial in study.get_trials(deepcopy=False)) < 30:
            time.sleep(0.05)
        told.append(time.monotonic())
        study.set_user_attr(FINISH, True)

    finisher = threading.Thread(target=finish)
    finisher.start()
    shares = crowd(storage, tmp_path, Policy(100_000, growing=True), steps=2)
    finisher.join()
    assert all(share.trials for share in shares)
    assert min(share.left for share in shares) > told[0], "nobody left before"
    assert all(trial.state == TrialState.COMPLETE for trial in open_study(storage, tmp_path).trials)


@pytest.mark.parametrize("asha", [None, Asha(1, 3, 9)], ids=["whole", "asha"])
def test_workers_hold_a_budget_of_epochs_exactly(storage: str | None, tmp_path: Path, asha: Asha | None) -> None:
    policy = Policy(100_000, asha, steps=60, max_resource=9, growing=True)
    shares = crowd(storage, tmp_path, policy, steps=9)
    trials = open_study(storage, tmp_path).trials
    assert sum(len(trial.intermediate_values) for trial in trials) <= 60
    assert all(trial.intermediate_values for trial in trials), "none was added in vain"
    assert min(share.left for share in shares) >= max(share.last for share in shares)


def test_a_budget_smaller_than_all_workers_first_trials_is_held(storage: str | None, tmp_path: Path) -> None:
    crowd(storage, tmp_path, Policy(100_000, steps=20, max_resource=10, growing=True), steps=10)
    assert len(open_study(storage, tmp_path).trials) == 2


def test_workers_add_no_trial_beyond_the_most(storage: str | None, tmp_path: Path) -> None:
    crowd(storage, tmp_path, Policy(4, growing=True), steps=3)
    assert [trial.state.name for trial in open_study(storage, tmp_path).trials] == ["COMPLETE"] * 4


def test_each_of_the_waiting_trials_is_run_once(storage: str | None, tmp_path: Path) -> None:
    study = open_study(storage, tmp_path)
    for _ in range(20):
        study.add_trial(create_trial(state=TrialState.WAITING))
    shares = crowd(storage, tmp_path, Policy(20), steps=1)
    assert sorted(number for share in shares for number in share.trials) == list(range(20))


def test_a_lost_race_means_another_look(monkeypatch: pytest.MonkeyPatch) -> None:
    study = optuna.create_study()
    study.add_trial(create_trial(state=TrialState.WAITING))

    def lose(storage: optuna.storages.BaseStorage, trial_id: int) -> bool:
        monkeypatch.undo()
        assert _is_taken(storage, trial_id)
        study.add_trial(create_trial(state=TrialState.WAITING))  # meanwhile
        return False

    monkeypatch.setattr("convsweep.study.trial_states._is_taken", lose)
    taken = take(study, Policy(10))
    assert taken is not None
    assert taken.number == 1


def test_a_trial_without_a_name_at_it_may_leave_something() -> None:
    study, policy = optuna.create_study(), Policy(10, growing=True)
    study.add_trial(create_trial(state=TrialState.WAITING))
    assert not policy.may_come(study)
    assert _is_taken(study._storage, study.trials[0]._trial_id)
    assert policy.may_come(study), "who has just taken it puts his name to it in a moment"


def test_one_that_was_killed_before_his_name_was_there_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    study, policy = optuna.create_study(), Policy(10, growing=True)
    study.add_trial(create_trial(state=TrialState.WAITING))
    assert _is_taken(study._storage, study.trials[0]._trial_id)
    monkeypatch.setattr("convsweep.policy.work.NAMING", 0.0)
    assert not policy.may_come(study)
