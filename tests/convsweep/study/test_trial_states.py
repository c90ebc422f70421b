"""A trial's way through its states."""

import optuna

from convsweep.policy.policy import Policy
from convsweep.study.trial_states import put_back, take


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
