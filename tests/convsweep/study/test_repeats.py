"""Configurations that are trained again: which count, and which is the best by them."""

import math

import optuna
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from convsweep.policy.policy import Policy
from convsweep.policy.repeats import REPEATS, is_repeat
from convsweep.policy.ties import tie_key
from convsweep.policy.work import WORKER
from convsweep.study import leaders, ranked, repeated
from convsweep.study.queue import trial_params
from convsweep.study.ranges import ranges_of, tell_ranges
from convsweep.study.repeats import add_repeats
from convsweep.study.trial_states import give_up_repeats, take


def study_of(*values: float) -> optuna.Study:
    """Return a study whose trial i has the parameter i and this value; more is better."""
    study = optuna.create_study(direction="maximize")
    for x, value in enumerate(values):
        study.add_trial(create_trial(value=value, params={"x": x}, distributions={"x": FloatDistribution(0, 9)}))
    return study


def run_again(study: optuna.Study, values: dict[tuple[int, int], float]) -> None:
    for (number, seed), value in values.items():
        study.add_trial(
            create_trial(
                value=value, params={"x": number}, distributions={"x": FloatDistribution(0, 9)},
                system_attrs={REPEATS: [number, seed]},
            )
        )  # fmt: skip


def test_means_decide_and_what_was_not_trained_again_comes_after_them() -> None:
    study = study_of(0.5, 0.9, 0.8, 0.85)
    run_again(study, {(1, 0): 0.7, (2, 0): 0.8, (1, 1): 0.7, (2, 1): 0.82})
    assert [trial.params["x"] for trial in ranked(study)] == [2, 2, 2, 1, 1, 1, 3, 0]
    assert ranked(study)[0].value == 0.82
    assert [one.number for one in repeated(study)] == [2, 1]
    assert repeated(study)[0].values() == {0: 0.8, 1: 0.82}
    assert [trial.number for trial in leaders(study, 2)] == [1, 3]


def test_an_interval_stays_where_the_app_says_that_values_lie() -> None:
    study = study_of(0.9)
    run_again(study, {(0, 0): 0.9, (0, 1): 0.99})
    assert repeated(study)[0].mean.high > 1
    tell_ranges(study, [(0, 1)])
    assert (ranges_of(study), repeated(study)[0].mean.high) == ([(0, 1)], 1)
    tell_ranges(study, [(0, math.inf)])
    assert ranges_of(study) == [(0, math.inf)]


def test_of_equal_means_the_tie_break_decides_and_then_what_was_better_before() -> None:
    study = study_of(0.5, 0.75, 0.875)
    run_again(study, {(1, 0): 0.625, (2, 0): 0.5})
    assert [one.number for one in repeated(study)] == [2, 1]
    study = study_of()
    for number, loss in ((1, 0.6), (2, 0.4)):
        known = {REPEATS: [number, 0], tie_key(): loss}
        study.add_trial(create_trial(value=0.7, system_attrs=known))
    assert [(one.number, one.tie_break) for one in repeated(study)] == [(2, 0.4), (1, 0.6)]


def test_those_of_the_same_values_are_one_candidate() -> None:
    study = study_of(0.5, 0.9)
    study.add_trial(create_trial(value=0.7, params={"x": 1}, distributions={"x": FloatDistribution(0, 9)}))
    assert [trial.number for trial in leaders(study, 3)] == [1, 0]


def test_repeats_that_are_there_are_not_added_again() -> None:
    study = study_of(0.5, 0.9)
    add_repeats(study, {1: {"x": 1}}, 2)
    add_repeats(study, {1: {"x": 1}, 0: {"x": 0}}, 2)
    waiting = [trial for trial in study.trials if trial.state == TrialState.WAITING]
    assert [trial.system_attrs[REPEATS] for trial in waiting] == [[1, 0], [1, 1], [0, 0], [0, 1]]


def test_repeats_that_nobody_asks_for_any_more_are_trials_like_others() -> None:
    study = study_of(0.5, 0.9)
    add_repeats(study, {1: {"x": 1}}, 2)
    study._storage.set_trial_system_attr(study.trials[3]._trial_id, WORKER, ["host", 1, 0.0])
    give_up_repeats(study)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "COMPLETE", "WAITING", "PRUNED"]
    assert not is_repeat(study.trials[2]) and trial_params(study.trials[2]) == {}
    assert is_repeat(study.trials[3]), "it was trained in part"
    taken = take(study, Policy(4))
    assert taken is not None and taken.number == 2
