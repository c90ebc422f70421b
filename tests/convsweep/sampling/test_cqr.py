"""Conformalized quantile regression: its corrections by hand, its draws in all kinds of spaces."""

from typing import Any

import numpy as np
import optuna
import pytest
from omegaconf import OmegaConf
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from convsweep.sampling import cqr
from convsweep.sampling.cqr import CqrSampler, corrections, results
from tests.helpers.spaces import SWEEPER, run, space, study_of

CQR = OmegaConf.create({**SWEEPER, "sampler": {"_target_": "convsweep.sampling.cqr.CqrSampler", "n_startup_trials": 8}})
X: dict[str, BaseDistribution] = {"x": FloatDistribution(0, 1)}


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cqr, "CANDIDATES", 100)
    monkeypatch.setattr(cqr, "TREES", 4)
    monkeypatch.setattr(cqr, "LEVELS", np.array([0.25, 0.5, 0.75]))


def test_corrections_by_hand() -> None:
    # From 0.5 to 1.5 there is only 1 of 0, 1, 2; half of three and one more, 2, are to be covered: half a unit is
    # missing at both ends.
    foretold = np.array([[0.5] * 3, [1.0] * 3, [1.5] * 3])
    assert corrections([0.25, 0.5, 0.75], foretold, np.array([0.0, 1.0, 2.0])).tolist() == [-0.5, 0, 0.5]
    # All lie half a unit inside, more than is to be covered: the ends come nearer.
    wide = np.array([[0.0] * 3, [1.0] * 3, [2.0] * 3])
    assert corrections([0.25, 0.5, 0.75], wide, np.array([0.5, 1.0, 1.5])).tolist() == [0.5, 0, -0.5]
    # Two pairs, one result: as far as it lies outside of each.
    pairs = np.array([[1.0], [2.0], [3.0], [4.0]])
    assert corrections([0.2, 0.4, 0.6, 0.8], pairs, np.array([6.0])).tolist() == [-2, -3, 3, 2]


def trial(number: int, state: TrialState, values: list[float] | None = None, **more: Any) -> FrozenTrial:
    made = create_trial(state=state, values=values, params={"x": 0.5}, distributions=dict(X), **more)
    made.number = number
    return made


def test_what_a_trial_came_to() -> None:
    trials = [
        trial(0, TrialState.COMPLETE, [0.9]),
        trial(1, TrialState.PRUNED, intermediate_values={1: 0.2, 3: 0.5}),
        trial(2, TrialState.PRUNED),
        trial(3, TrialState.COMPLETE, [1.0], constraints={"diverged": 1.0}),
        trial(4, TrialState.RUNNING, intermediate_values={1: 0.7}),
        trial(5, TrialState.FAIL),
    ]
    assert results(trials, [StudyDirection.MAXIMIZE]) == {0: -0.9, 1: -0.5, 2: -0.5, 3: -0.5}, "the worst for none"
    several = [trial(i, TrialState.COMPLETE, list(values)) for i, values in enumerate([(3, 3), (1, 2), (2, 2)])]
    assert results(several, [StudyDirection.MINIMIZE] * 2) == {1: 0, 2: 1, 0: 2}, "front after front"


def test_it_finds_the_best_and_draws_the_same_again() -> None:
    found = space("x=tag(log,interval(0.01,100))", "n=range(1,9)", "kind=a,b", "step=0,0.25,0.5", conditions={})

    def drawn(count: int) -> list[dict[str, Any]]:
        return run(study_of(found, count), found, CQR)

    params = drawn(24)
    good = [p["n"] + p["x"] < 4 for p in params]
    assert sum(good[:8]) <= 3 and sum(good[8:]) >= 10, "the first ones are random"
    assert all(0.01 <= p["x"] <= 100 and p["n"] in range(1, 9) for p in params)
    assert params[:11] == drawn(11)


def test_conditions_hold() -> None:
    found = space(
        "a=1,2,3", "x=interval(0,1)", "b=interval(0,1)", "c=interval(1,2)", conditions={"b": "a=2,3", "c": "a=3"}
    )
    params = run(study_of(found, 18), found, CQR)
    assert all(not found.missing(p) and found.agreeing(p) == p for p in params)
    assert sum("b" not in p for p in params[8:]) >= 5, "the least sum is where there is no b"


def test_it_keeps_away_from_what_runs_and_is_a_sampler_of_optuna_s_too() -> None:
    study = optuna.create_study(sampler=CqrSampler(seed=0, n_startup_trials=5))
    study.optimize(lambda t: abs(t.suggest_float("x", 0, 1) - 0.5), n_trials=6)
    with_lies = CqrSampler(seed=1, n_startup_trials=5)
    pending = [trial(100 + i, TrialState.RUNNING) for i in range(20)]
    seen: list[int] = []
    original = with_lies._foretell

    def foretell(known: Any, values: Any, running: Any, points: Any) -> Any:
        seen.append(len(running))
        return original(known, values, running, points)

    with_lies._foretell = foretell  # pyright: ignore[reportAttributeAccessIssue]
    for other in pending:
        study.add_trial(other)
    study.sampler = with_lies
    study.ask(X)
    assert seen == [20]


def test_two_objectives_are_one_by_fronts() -> None:
    study = optuna.create_study(directions=["minimize", "maximize"], sampler=CqrSampler(seed=0, n_startup_trials=5))
    study.optimize(lambda t: (t.suggest_float("x", 0, 1), t.suggest_int("n", 1, 3)), n_trials=8)
    assert len(study.trials) == 8
