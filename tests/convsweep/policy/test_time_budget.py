"""Budgets of time, in virtual time: they are used, they hold, and the answer is whole."""

from pathlib import Path

import optuna
import pytest

from convsweep.policy.asha import Asha
from convsweep.policy.pace import PACE, Pace, Paces, Stopwatch
from convsweep.policy.policy import OVER, Policy
from convsweep.policy.repeats import Confirmation
from convsweep.policy.time_budget import FINISH, TimeBudget
from convsweep.policy.work import SECONDS
from convsweep.replay.simulation import simulate
from convsweep.study.trial_states import close, put_back, take
from convsweep.workers.trial import TrialHandle
from tests.commands.test_simulate import sweeper
from tests.helpers.recorded import ASHA, curves


@pytest.mark.parametrize("n_jobs", [1, 2, 4])
@pytest.mark.parametrize("seconds", [120, 240])
@pytest.mark.parametrize("scheduler", [ASHA, {}], ids=["asha", "none"])
def test_a_slow_start_does_not_end_the_search_and_the_time_is_held(
    n_jobs: int, seconds: int, scheduler: dict[str, int]
) -> None:
    found, spread = curves(3.0), 3.0
    for seed in range(3):
        asked = sweeper(budget=f"{seconds}s", scheduler=scheduler, n_jobs=n_jobs)
        replay = simulate(found, asked, seed, recorded=True, warm_up=14.0)
        assert replay.complete >= 1, "the answer is whole"
        assert replay.seconds <= seconds + max(0.05 * seconds, spread) + 1
        assert replay.seconds >= 0.8 * seconds
        assert replay.trials >= (5 if scheduler else seconds // 60)


def handle(study: optuna.Study, policy: Policy, watch: Stopwatch | None = None) -> TrialHandle:
    phase = study.user_attrs.get(FINISH, False)
    taken = take(study, policy, phase)
    assert taken is not None
    return TrialHandle(optuna.Trial(study, taken._trial_id), 0, Path(), policy=policy, watch=watch)


def test_the_finish_is_withdrawn_when_the_answer_proves_to_be_faster() -> None:
    study, now = optuna.create_study(), [0.0]
    policy = Policy(100, Asha(1, 3, 9), max_resource=9, growing=True, timed=True)
    budget = TimeBudget(study, "", policy, 100.0, lambda: now[0])
    trial = handle(study, policy, Stopwatch(Pace(), True, lambda: now[0]))
    now[0] += 20.0
    trial.report(1.0, 1)
    budget.look()
    assert study.user_attrs[FINISH] is True, "eight more such steps are too many"
    assert not trial.should_stop(), "it is the answer"
    for step in (2, 3):
        now[0] += 2.0
        trial.report(1.0, step)
    budget.look()
    assert study.user_attrs[FINISH] is False
    other = handle(study, policy)
    now[0] += 60.0
    other.report(2.0, 1)
    now[0] += 6.0
    budget.look()
    assert budget.finishing is True
    assert other.should_stop()
    assert other.interrupted, "it is not the answer"
    put_back(study, other._trial._trial_id)
    assert not policy.is_over(study, budget.finishing), "the driver has the last word"
    assert take(study, policy, budget.finishing) is None
    study.tell(trial.number, 1.0)
    now[0] += 20.0
    budget.look()
    assert budget.finishing == OVER
    assert policy.is_over(study, OVER)
    close(study, begun=True)
    assert [t.state.name for t in study.trials] == ["COMPLETE", "PRUNED"]


def test_when_the_time_is_over_what_is_not_the_answer_stops_at_its_next_step() -> None:
    study, now = optuna.create_study(), [0.0]
    policy = Policy(100, growing=True, max_resource=10, timed=True)
    budget = TimeBudget(study, "", policy, 50.0, lambda: now[0])
    first, second = handle(study, policy), handle(study, policy)
    now[0] = 60.0
    first.report(1.0, 1)
    second.report(1.0, 1)
    second.report(1.0, 2)
    budget.look()
    assert budget.finishing is True, "there is no answer yet"
    assert not first.should_stop()
    study.tell(second.number, 1.0)
    now[0] = 61.5
    budget.look()
    assert budget.finishing == OVER
    first._looked = -1e9
    first.report(1.0, 2)
    assert first.should_stop()
    assert first.interrupted
    put_back(study, first._trial._trial_id)
    assert policy.is_over(study, OVER)
    assert not policy.is_over(study, False), "with more time it goes on"


def test_without_an_answer_the_one_that_has_come_furthest_is_trained() -> None:
    study = optuna.create_study()
    policy = Policy(100, Asha(3, 3, 9), max_resource=9, growing=True, timed=True)
    trials = [handle(study, policy) for _ in range(3)]
    for steps, trial in zip((1, 2, 1), trials, strict=True):
        for step in range(1, steps + 1):
            trial.report(1.0, step)
    for phase in (True, OVER):
        study.set_user_attr(FINISH, phase)
        assert [policy.gives_way(study, trial.number, phase) for trial in trials] == [True, False, True]
    put_back(study, trials[1]._trial._trial_id)
    taken = take(study, policy, OVER)
    assert taken is not None
    assert taken.number == 1


def test_the_pace_is_that_of_later_steps() -> None:
    now = [0.0]

    def train(*seconds: float, warm: bool = True) -> Pace:
        watch = Stopwatch(Pace(), warm, lambda: now[0])
        for duration in seconds:
            now[0] += duration
            watch.step()
        return watch.pace

    assert train(30, 2, 4, warm=False) == Pace(2, 6.0, None, None)
    assert train(5, 2, 4).first == 5
    study = optuna.create_study()
    for pace in (train(30, 2, 2, warm=False), train(5, 3, 3), train(30, warm=False), train(4)):
        trial = study.ask()
        study._storage.set_trial_system_attr(trial._trial_id, PACE, [pace.steps, pace.seconds, pace.first, pace.after])
    paces = Paces.of(study.trials)
    assert [paces.step_of(trial) for trial in study.trials] == [2.0, 3.0, 2.5, 2.0]
    assert paces.start == 2.0
    assert Paces.of([]).step is None


def test_what_confirms_takes_as_long_as_the_best_did_in_workers_that_start_anew() -> None:
    study, policy = optuna.create_study(), Policy(100, growing=True, max_resource=4, timed=True)
    for cold, step, value in ((9.0, 1.0, 5.0), (0.0, 2.0, 1.0), (0.0, 3.0, 2.0)):
        trial = study.ask()
        for number in range(1, 5):
            trial.report(value, number)
        first = None if cold else step + 0.5
        study._storage.set_trial_system_attr(trial._trial_id, PACE, [3, 3 * step, first, 0.25])
        study._storage.set_trial_system_attr(trial._trial_id, SECONDS, cold + 0.5 + 4 * step + 0.25)
        study.tell(trial, value)
    assert Paces.of(study.trials).cold == 9.0
    usual = 4 * 2.0 + 0.75
    assert policy.seconds_to_confirm(study, Confirmation(1, 2), 1) == 9.0 + 2 * (4 * 2.0 + 0.75)
    assert policy.seconds_to_confirm(study, Confirmation(2, 2), 1) == 9.0 + 2 * (4 * 2.0 + 0.75 + 4 * 3.0 + 0.75)
    assert policy.seconds_to_confirm(study, Confirmation(2, 1), 4) == 9.0 + 4 * 3.0 + 0.75, "side by side"
    assert policy.seconds_to_confirm(study, Confirmation(4, 1), 1) == 9.0 + 6 * 4.0 + 3 * 0.75 + usual
    assert policy.seconds_to_confirm(optuna.create_study(), Confirmation(4, 1), 1) == 0.0


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_time_is_held_with_what_confirms(n_jobs: int) -> None:
    asked = sweeper(budget="600s", scheduler=ASHA, n_jobs=n_jobs, confirm="2x1")
    for seed in range(3):
        replay = simulate(curves(3.0), asked, seed, recorded=True, warm_up=14.0)
        assert 0.9 * 600 <= replay.seconds <= 1.02 * 600
