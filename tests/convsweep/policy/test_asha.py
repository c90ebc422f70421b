"""The rules of the rungs, by hand: who goes on, and who is promoted."""

import optuna
import pytest
from optuna.storages import BaseStorage
from optuna.trial import TrialState, create_trial

from convsweep.policy.asha import DESCRIBED, RUNG, Asha, pause, pauses
from convsweep.policy.policy import Policy
from convsweep.policy.work import WORKER
from convsweep.study import trial_states
from convsweep.study.trial_states import put_back, take

ASHA = Asha(min_resource=1, reduction_factor=3, max_resource=9)  # rungs at 1 and 3; 9 is the end


@pytest.fixture
def study() -> optuna.Study:
    """Return a study with seven trials at step 1, and two of them at step 3.

    trial   0    1    2    3    4    5    6      (to be maximized)
    step 1  .50  .70  .60  .40  .80  .30  .65
    step 3       .75            .72
    """
    study = optuna.create_study(direction="maximize")
    first = [0.50, 0.70, 0.60, 0.40, 0.80, 0.30, 0.65]
    second = {1: 0.75, 4: 0.72}
    for number, value in enumerate(first):
        values = {1: value} | ({3: second[number]} if number in second else {})
        rung = 1 if number in second else 0
        attrs = {RUNG: ["paused", rung], WORKER: ["host", 1, 0.0]}
        study.add_trial(create_trial(state=TrialState.WAITING, intermediate_values=values, system_attrs=attrs))
    return study


def promotable(study: optuna.Study) -> list[int]:
    return [trial.number for trial in ASHA.promotable(study)]


def report(study: optuna.Study, value: float, step: int = 1) -> None:
    attrs = {RUNG: ["paused", 0], WORKER: ["host", 1, 0.0]}
    study.add_trial(create_trial(state=TrialState.WAITING, intermediate_values={step: value}, system_attrs=attrs))


def test_rungs_are_powers_of_the_factor_below_the_end() -> None:
    assert [step for step in range(30) if Asha(1, 3).rung_at(step) is not None] == [1, 3, 9, 27]
    assert [step for step in range(30) if ASHA.rung_at(step) is not None] == [1, 3]
    assert [step for step in range(30) if Asha(2, 2, 16).rung_at(step) is not None] == [2, 4, 8]
    assert [ASHA.next_rung(step) for step in (0, 1, 2, 3, 8)] == [1, 3, 3, 9, 9]


def test_a_third_of_those_who_reached_a_rung_goes_on(study: optuna.Study) -> None:
    # Of 7 at step 1 the best 2 (trials 4 and 1) have gone on already; of 2 at step 3 nobody is in the best third.
    assert promotable(study) == []
    # The eighth and the ninth make room for a third one: trial 2 has been overtaken by trial 6.
    report(study, 0.1)
    assert promotable(study) == []
    report(study, 0.2)
    assert promotable(study) == [6]
    # A better newcomer comes before it.
    report(study, 0.9)
    assert promotable(study) == [9]


def test_higher_rungs_come_first(study: optuna.Study) -> None:
    report(study, 0.1)
    report(study, 0.2)
    attrs = {RUNG: ["paused", 1], WORKER: ["host", 1, 0.0]}
    study.add_trial(create_trial(state=TrialState.WAITING, intermediate_values={1: 0.77, 3: 0.74}, system_attrs=attrs))
    # Three at step 3: the best of them, trial 1; and of ten at step 1 the third is the new one, which is there already.
    assert promotable(study) == [1]


def test_a_trial_that_reaches_a_rung_runs_on_only_among_the_best(study: optuna.Study) -> None:
    policy = Policy(20, ASHA)
    study.add_trial(create_trial(state=TrialState.RUNNING, intermediate_values={1: 0.9}))
    assert policy.goes_on(study, study.trials[7], 0, finishing=False)
    study.add_trial(create_trial(state=TrialState.RUNNING, intermediate_values={1: 0.55}))
    assert not policy.goes_on(study, study.trials[8], 0, finishing=False)
    # Nobody judges alone: the first to reach a rung pauses there.
    study.add_trial(create_trial(state=TrialState.RUNNING, intermediate_values={1: 0.95, 3: 0.95, 9: 0.96}))
    assert not Policy(20, Asha(1, 3)).goes_on(study, study.trials[9], 2, finishing=False)


def test_what_the_config_describes_goes_on_while_it_leads() -> None:
    study, policy = optuna.create_study(direction="maximize"), Policy(20, ASHA)
    attrs = {DESCRIBED: True}
    study.add_trial(create_trial(state=TrialState.RUNNING, intermediate_values={1: 0.5, 3: 0.6}, system_attrs=attrs))
    assert policy.goes_on(study, study.trials[0], 0, finishing=False)
    assert policy.goes_on(study, study.trials[0], 1, finishing=False)
    study.add_trial(create_trial(state=TrialState.RUNNING, intermediate_values={1: 0.4}))
    assert not policy.goes_on(study, study.trials[1], 0, finishing=False), "the others wait"
    study.add_trial(create_trial(state=TrialState.RUNNING, intermediate_values={1: 0.4, 3: 0.7}))
    assert policy.goes_on(study, study.trials[0], 0, finishing=False)
    assert not policy.goes_on(study, study.trials[0], 1, finishing=False), "another one was better there"


def test_failed_trials_and_values_that_are_no_numbers_stand_on_no_rung(study: optuna.Study) -> None:
    study.add_trial(create_trial(state=TrialState.FAIL, intermediate_values={1: 0.99}))
    study.add_trial(create_trial(state=TrialState.RUNNING, intermediate_values={1: float("nan")}))
    report(study, 0.1)
    report(study, 0.2)
    assert promotable(study) == [6]


def test_each_promoted_trial_is_taken_once_and_new_ones_last(study: optuna.Study) -> None:
    report(study, 0.1)
    report(study, 0.2)
    study.add_trial(create_trial(state=TrialState.WAITING))
    policy = Policy(20, ASHA)
    taken = [take(study, policy) for _ in range(4)]
    # The promoted one, the new one, then, as nothing new starts any more, the best of the highest rung to its end.
    assert [trial and trial.number for trial in taken] == [6, 9, 1, None]
    assert study.trials[6].system_attrs[RUNG] == ["promoted", 0, 1]
    assert not pauses(study.trials[6])


def test_the_answer_is_one_that_may_be_an_answer(study: optuna.Study) -> None:
    assert (leader := ASHA.leader(study)) and leader.number == 1
    # One that broke a constraint at its end, and one that a pruner ended, are none, however good.
    study.add_trial(
        create_trial(
            state=TrialState.COMPLETE, value=0.9, intermediate_values={1: 0.9, 3: 0.9, 9: 0.9},
            system_attrs={"constraints": [1.0], "constraints:size": 1.0},
        )
    )  # fmt: skip
    study.add_trial(create_trial(state=TrialState.PRUNED, value=0.9, intermediate_values={1: 0.9, 3: 0.9}))
    assert (leader := ASHA.leader(study)) and leader.number == 1
    assert [trial and trial.number for trial in Policy(9, ASHA).candidates(study)] == [1]


def test_the_least_promising_pauses_furthest_back_in_its_rung(study: optuna.Study) -> None:
    # Step 1, from the best: 4 1 6 2 0 3 5, of which 4 and 1 pause at step 3, where 4 is the second of two.
    assert ASHA.least_promising(study, number=5) == [5, 3, 0, 4, 2, 6, 1]


def test_trials_are_dealt_to_brackets_evenly_by_their_numbers(study: optuna.Study) -> None:
    asha = Asha(1, 3, 27, brackets=2)
    # The multiples of 0.618 without what is before the point: 0, .62, .24, .85, .47, .09, .71, .33, .94, .56
    assert [asha.deal(study, number) for number in range(10)] == [0, 1, 0, 1, 0, 0, 1, 0, 1, 1]
    assert {Asha(1, 3, 3, brackets=2).deal(study, number) for number in range(9)} == {0}, "there is no second rung"
    for brackets in (1, 2, 3):
        dealt = [Asha(1, 3, 27, brackets).deal(study, number) for number in range(300)]
        assert all(abs(dealt.count(k) - 300 / brackets) <= 2 for k in range(brackets))


def test_a_later_bracket_is_not_judged_early_and_counts_there_for_the_others() -> None:
    asha = Asha(1, 3, 27, brackets=2)
    study = optuna.create_study(direction="maximize")
    assert [asha.rung_at(1, asha.deal(study, number)) for number in (0, 1, 2, 3)] == [0, None, 0, None]
    assert [asha.next_rung(0, bracket) for bracket in (0, 1)] == [1, 3]
    assert asha.rung_at(3, 1) == asha.rung_at(3, 0) == 1
    # Trials 1 and 3 went past step 1; of the four there one goes on, and 3 holds that place.
    for first, rung in ((0.5, 0), (0.1, 1), (0.6, 0), (0.9, 1)):
        values = {1: first} | ({3: first} if rung else {})
        attrs = {RUNG: ["paused", rung], WORKER: ["host", 1, 0.0]}
        study.add_trial(create_trial(state=TrialState.WAITING, intermediate_values=values, system_attrs=attrs))
    assert list(asha.promotable(study)) == []
    for value in (0.2, 0.3):
        report(study, value)
    assert [trial.number for trial in asha.promotable(study)] == [2], "two of six: the first is there already"
    # One that was stopped on its way to its first rung has none to pause at.
    study.add_trial(create_trial(state=TrialState.RUNNING, intermediate_values={1: 0.5, 2: 0.5}))
    assert asha.bracket(study.trials[6]) == 1
    assert asha.highest_rung(study.trials[6]) == 0


def test_rungs_that_are_typed_anew_strand_nobody() -> None:
    """Trials pause at step 1, and the first rung is at 3 now: they go on to it, and are judged there."""
    study = optuna.create_study(direction="maximize")
    for value in (0.5, 0.7, 0.6, 0.8):
        report(study, value)
    policy = Policy(4, Asha(3, 3, 9))
    taken = [take(study, policy) for _ in range(5)]
    assert [trial and trial.number for trial in taken] == [0, 1, 2, 3, None]
    for trial, value in zip(study.trials, (0.5, 0.7, 0.6, 0.8), strict=True):
        assert trial.system_attrs[RUNG] == ["promoted", 0, 0]
        study._storage.set_trial_intermediate_value(trial._trial_id, 3, value)
        pause(study, trial._trial_id, 0)
        put_back(study, trial._trial_id)
    again = take(study, policy)
    assert again is not None and (again.number, again.system_attrs[RUNG]) == (3, ["promoted", 0, 3])


def test_a_rung_is_where_a_trial_is_whatever_its_number_was() -> None:
    study = optuna.create_study(direction="maximize")
    for value in (0.5, 0.7, 0.6):
        attrs = {RUNG: ["paused", 0], WORKER: ["host", 1, 0.0]}  # at step 3, which was the first rung
        values = {1: value, 2: value, 3: value}
        study.add_trial(create_trial(state=TrialState.WAITING, intermediate_values=values, system_attrs=attrs))
    assert promotable(study) == [1], "at the second rung, not at the first one as well"
    assert not any(map(ASHA.is_stranded, study.trials))


def test_what_another_worker_has_brought_further_meanwhile_is_looked_at_again(
    study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy, taken_first = Policy(7, Asha(1, 3, 27)), trial_states._is_taken

    def is_taken(storage: BaseStorage, trial_id: int) -> bool:
        monkeypatch.setattr(trial_states, "_is_taken", taken_first)
        other = take(study, policy)  # between a look and the taking another one runs it to its next rung
        assert other is not None and other.number == 1
        storage.set_trial_intermediate_value(trial_id, 9, 0.1)
        pause(study, trial_id, 2)
        put_back(study, trial_id)
        return taken_first(storage, trial_id)

    monkeypatch.setattr(trial_states, "_is_taken", is_taken)
    taken = take(study, policy)
    # Nothing new starts any more, so it is to be trained to its end, but from where it is by now.
    assert taken is not None and (taken.number, taken.system_attrs[RUNG]) == (1, ["promoted", 2, 9])


def test_an_app_need_not_report_at_every_rung() -> None:
    """It reports every third step, and nothing at the first rung."""
    study = optuna.create_study(direction="maximize")
    for value in (0.5, 0.7, 0.6):
        attrs = {RUNG: ["paused", 1], WORKER: ["host", 1, 0.0]}
        study.add_trial(create_trial(state=TrialState.WAITING, intermediate_values={3: value}, system_attrs=attrs))
    assert promotable(study) == [1]
    assert (leader := ASHA.leader(study)) and leader.number == 1
