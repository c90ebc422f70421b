"""A trial's way through its states."""

import optuna

from convsweep.policy.policy import Policy
from convsweep.study.trial_states import put_back, settle, take


def test_an_interrupt_after_a_trial_was_told_leaves_it_finished() -> None:
    study = optuna.create_study()
    study.enqueue_trial({})
    taken = take(study, Policy(1))
    assert taken is not None
    study.tell(taken.number, 1.0)
    put_back(study, taken._trial_id)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"]
    study.enqueue_trial({})
    assert take(study, Policy(1)) is None, "beyond the budget"
    taken = take(study, Policy(2))
    assert taken is not None
    put_back(study, taken._trial_id)
    assert study.trials[1].state.name == "WAITING"


def test_a_trial_that_ends_the_drivers_own_process_does_so_a_few_times_only() -> None:
    study = optuna.create_study()
    study.enqueue_trial({})
    for state in ("WAITING", "WAITING", "FAIL"):
        assert take(study, Policy(1)) is not None
        settle(study, max_retries=2)
        assert study.trials[0].state.name == state
    assert study.trials[0].user_attrs["error"] == "the process that ran it ended without a word, on try 3"


def test_the_death_of_a_driver_with_workers_is_not_its_trials_doing() -> None:
    study = optuna.create_study()
    study.enqueue_trial({})
    for _ in range(5):
        assert take(study, Policy(1)) is not None
        settle(study)
    assert study.trials[0].state.name == "WAITING"
