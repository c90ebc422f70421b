"""The storage of many workers: what it leaves unread is what it knows, and each trial has one taker."""

import time
from pathlib import Path
from unittest import mock

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.storages._rdb.storage import RDBStorage
from optuna.trial import TrialState, create_trial

from convsweep.policy.policy import Policy
from convsweep.storage import database as _database
from convsweep.storage.opening import open_storage
from convsweep.study.optuna_logging import quieten_optuna
from convsweep.study.queue import trial_params
from convsweep.study.trial_states import prescribe, put_back, take


@pytest.fixture
def two(tmp_path: Path) -> tuple[optuna.Study, optuna.Study]:
    """Return one study of ten waiting trials as two workers have it."""
    quieten_optuna()
    address = f"sqlite:///{tmp_path}/study.db"
    optuna.create_study(storage=open_storage(address, tmp_path), study_name="s")
    first, second = (optuna.load_study(storage=open_storage(address, tmp_path), study_name="s") for _ in range(2))
    first.add_trials([create_trial(state=TrialState.WAITING) for _ in range(10)])
    return first, second


def rerun(study: optuna.Study, number: int, step: int) -> None:
    """Do as a worker whose trial goes on for a step and pauses."""
    trial_id = study.get_trials(deepcopy=False)[number]._trial_id
    assert study._storage.set_trial_state_values(trial_id, TrialState.RUNNING)
    study._storage.set_trial_intermediate_value(trial_id, step, 0.1 * step)
    put_back(study, trial_id)


def plain(study: optuna.Study, tmp_path: Path) -> list[optuna.trial.FrozenTrial]:
    """Return a study's trials as Optuna itself reads them."""
    return optuna.load_study(storage=RDBStorage(f"sqlite:///{tmp_path}/study.db"), study_name="s").trials


def test_what_another_worker_does_is_seen(two: tuple[optuna.Study, optuna.Study], tmp_path: Path) -> None:
    here, there = two
    for look in range(1, 4):
        here.get_trials(deepcopy=False)
        rerun(there, 2, step=look)
        assert here.get_trials(deepcopy=False)[2].intermediate_values == {i: 0.1 * i for i in range(1, look + 1)}
    there.add_trial(create_trial(state=TrialState.WAITING))
    assert len(here.get_trials(deepcopy=False)) == 11
    there.tell(there.ask(), 1.0)
    there.add_trial(create_trial(value=0.5, params={"x": 1.0}, distributions={"x": FloatDistribution(0, 1)}))
    assert here.trials == plain(here, tmp_path)
    rerun(there, 10, step=1)
    assert here.trials == plain(here, tmp_path)


def test_its_own_running_trial_is_as_it_was_told(two: tuple[optuna.Study, optuna.Study]) -> None:
    here, _ = two
    running = here.ask()
    for step in range(1, 5):
        running.report(0.1 * step, step)
        assert here.get_trials(deepcopy=False)[running.number].last_step == step


def test_trials_that_wait_are_read_once(two: tuple[optuna.Study, optuna.Study]) -> None:
    here, there = two
    here.get_trials(deepcopy=False)
    here.get_trials(deepcopy=False)
    there.tell(there.ask(), 1.0)
    read = mock.Mock(wraps=RDBStorage._build_frozen_trial_from_trial_model)
    with mock.patch.object(RDBStorage, "_build_frozen_trial_from_trial_model", lambda _, model: read(_, model)):
        assert here.get_trials(deepcopy=False)[0].state == TrialState.COMPLETE
        here.get_trials(deepcopy=False)
    assert read.call_count == 1


def test_values_that_a_waiting_trial_is_given_are_seen(two: tuple[optuna.Study, optuna.Study]) -> None:
    here, there = two
    for _ in range(3):
        here.get_trials(deepcopy=False)
        there.get_trials(deepcopy=False)
    assert prescribe(there, there.get_trials(deepcopy=False)[5]._trial_id, {"x": 0.5})
    for study in two:
        assert trial_params(study.get_trials(deepcopy=False)[5]) == {"x": 0.5}
        assert study.get_trials(deepcopy=False)[5].state == TrialState.WAITING


def test_a_slow_read_makes_nobody_blind(
    two: tuple[optuna.Study, optuna.Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = two
    running = there.ask()
    read = RDBStorage._get_trials
    with monkeypatch.context() as slow:
        slow.setattr(RDBStorage, "_get_trials", lambda *arguments: (time.sleep(0.5), read(*arguments))[1])
        slow.setattr(_database, "LONGEST", 0.2)
        for _ in range(2):
            here.get_trials(deepcopy=False)
    running.report(0.5, 1)
    time.sleep(0.3)
    assert here.get_trials(deepcopy=False)[running.number].intermediate_values == {1: 0.5}


def test_a_failed_read_is_repeated(two: tuple[optuna.Study, optuna.Study]) -> None:
    here, there = two
    here.get_trials(deepcopy=False)
    here.get_trials(deepcopy=False)
    rerun(there, 3, step=1)
    failing = mock.patch.object(RDBStorage, "_get_trials", side_effect=ConnectionError)
    with failing, pytest.raises(ConnectionError):
        here.get_trials(deepcopy=False)
    assert here.get_trials(deepcopy=False)[3].intermediate_values == {1: 0.1}


def test_a_trial_that_another_worker_has_ended_meanwhile_is_none_to_take(
    two: tuple[optuna.Study, optuna.Study],
) -> None:
    here, there = two
    stale = here.get_trials(deepcopy=False)
    there.tell(there.ask(), 1.0)
    with mock.patch.object(Policy, "candidates", lambda *_: iter(stale)):
        taken = take(here, Policy(n_trials=10))
    assert taken is not None
    assert taken.number == 1
    assert here.trials[0].state == TrialState.COMPLETE
