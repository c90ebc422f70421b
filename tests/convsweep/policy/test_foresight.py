"""Whether a rung foretells the next one, by hand."""

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from convsweep.policy.asha import RUNG, Asha
from convsweep.policy.foresight import agreement, foretells
from convsweep.policy.step_budget import StepBudget
from convsweep.policy.work import WORKER


def test_agreement_is_that_of_ranks() -> None:
    assert agreement([1, 2, 3, 4], [10, 20, 30, 40]) == pytest.approx(1)
    assert agreement([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1)
    # Ranks 1 2 3 4 and 2 1 4 3: 1 - 6 * 4 / (4 * 15)
    assert agreement([1, 2, 3, 4], [0.2, 0.1, 0.9, 0.3]) == pytest.approx(0.6)
    # Ranks 1.5 1.5 3 and 1 2 3: 1.5 / sqrt(1.5 * 2)
    assert agreement([1, 1, 3], [1, 2, 3]) == pytest.approx(1.5 / 3**0.5)
    assert agreement([1, 1, 1], [1, 2, 3]) == 0


def test_a_few_say_nothing() -> None:
    assert foretells([1, 2, 3], [3, 2, 1])
    assert not foretells(range(8), range(8, 0, -1))
    assert foretells(range(8), range(8))


def _study(early: list[float], late: list[float]) -> optuna.Study:
    """Return a study with these values at steps 1 and 3 of the trials that are not judged at 1."""
    study, asha = optuna.create_study(direction="maximize"), Asha(1, 3, 27, brackets=2)
    pairs = list(zip(early, late, strict=True))
    for number in range(100):
        if not pairs:
            return study
        values = {1: 0.0}
        if asha.bracket(number):
            first, second = pairs.pop(0)
            values = {1: first, 3: second}
        attrs = {RUNG: ["paused", len(values) - 1], WORKER: ["host", 1, 0.0]}
        study.add_trial(create_trial(state=TrialState.WAITING, intermediate_values=values, system_attrs=attrs))
    return study


def test_a_rung_that_foretells_nothing_judges_nobody() -> None:
    asha, rising = Asha(1, 3, 27, brackets=2), [i / 10 for i in range(8)]
    good, bad = _study(rising, rising), _study(rising, rising[::-1])
    assert asha.misleading(good.trials) == 0
    assert asha.misleading(bad.trials) == 1, "there is no bracket that could say more of the second rung"
    assert asha.misleading(_study(rising[:7], rising[6::-1]).trials) == 0, "seven are too few"
    assert [asha.next_rung(0, number, least=1) for number in (0, 1)] == [3, 3]
    assert asha.rung_at(1, 0, least=1) is None
    # A new trial of the first bracket, the next one to start, takes three steps there rather than one.
    fresh = len(good.trials)
    while asha.bracket(fresh):
        for study in (good, bad):
            study.add_trial(create_trial(state=TrialState.FAIL))
        fresh += 1
    spent = sum(max(trial.intermediate_values, default=0) for trial in good.trials)
    rest = 27 - 3  # of the leader
    for steps, affords in ((1, [True, False]), (2, [True, False]), (3, [True, True])):
        budgets = StepBudget(spent + rest + steps, asha, 27)
        assert [budgets.affords(study, None) for study in (good, bad)] == affords
