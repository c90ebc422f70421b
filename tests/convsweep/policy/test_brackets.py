"""How trials are dealt to brackets, of one size or as a rung's order says."""

import math

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState, create_trial
from scipy.stats import spearmanr

from convsweep.policy.asha import VALUES, Asha
from convsweep.policy.brackets import BRACKET, ENOUGH, LEARNED, dealt, equal, learned
from convsweep.policy.policy import Policy
from convsweep.policy.work import WORKER
from convsweep.sampling.sampler_view import SamplerView
from convsweep.study.trial_states import put_back, take

ASHA, ASHA_OF_ONE = (Asha(1, 3, most, brackets=2, shares=LEARNED) for most in (27, 1))


def trial(first: float, third: float | None = None, bracket: int = 1, **more: object) -> optuna.trial.FrozenTrial:
    values = {1: first} | ({3: third} if third is not None else {})
    state = more.pop("state", TrialState.PRUNED)
    attrs = {BRACKET: bracket, WORKER: ["host", 1, 0.0], **more}
    return create_trial(state=state, intermediate_values=values, system_attrs=attrs)  # pyright: ignore


def share_of(numbers: range, study: optuna.Study) -> float:
    return float(np.mean([ASHA.deal(study, number) for number in numbers]))


def test_of_each_rung_a_share_goes_past() -> None:
    assert equal(1) == []
    assert equal(3) == [pytest.approx(2 / 3), 0.5]
    counts = np.bincount([dealt(number, [0.5, 0.2]) for number in range(1000)]) / 1000
    np.testing.assert_allclose(counts, [0.5, 0.4, 0.1], atol=0.003)


def of_one(*pairs: tuple[float, float]) -> list[tuple[list[float], list[float]]]:
    return [([float(one)], [float(other)]) for one, other in pairs]


def test_a_rung_s_share_is_what_its_order_lacks_of_the_next_one() -> None:
    passed = of_one((0.1, 0.2), (0.3, 0.1), (0.2, 0.4), (0.5, 0.5), (0.4, 0.3))
    # Ranks 1 3 2 5 4 and 2 1 4 5 3: squared differences 1 4 4 0 1, so 1 - 6 * 10 / (5 * 24) = 0.5.
    assert learned(passed) == pytest.approx(0.5)
    assert learned(passed[:-1]) is None
    assert learned([*passed[:-1], *of_one((math.nan, 0.3))]) is None
    assert learned(of_one(*((n, n) for n in range(9)))) == 0.1, "some go on to show it"
    assert learned(of_one(*((n, -n) for n in range(9)))) == 0.9
    assert learned(of_one(*((0.5, n) for n in range(9)))) == 0.9, "no order at all"


def test_equal_values_have_the_same_rank() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 4, (20, 2)) + [[0, 1]] * 20
    values[:, 1] += values[:, 0]
    found = learned(of_one(*values))  # pyright: ignore
    assert found == pytest.approx(1 - getattr(spearmanr(*values.T), "statistic"))  # noqa: B009


def test_of_several_objectives_that_counts_whose_order_changes_most() -> None:
    passed = of_one((0.1, 0.2), (0.3, 0.1), (0.2, 0.4), (0.5, 0.5), (0.4, 0.3))
    sizes = [3.0, 1.0, 4.0, 1.5, 9.0]
    several = [([*one, size], [*other, size]) for (one, other), size in zip(passed, sizes, strict=True)]
    assert learned(several) == learned(passed)


def test_a_search_learns_whom_to_judge_early() -> None:
    study = optuna.create_study(direction="maximize")
    assert share_of(range(100), study) == pytest.approx(0.5, abs=0.02), "as long as nothing is known"
    study.add_trials([trial(n, n) for n in range(ENOUGH)])
    assert share_of(range(100), study) == pytest.approx(0.1, abs=0.02)
    study.add_trials([trial(n, -10 * n, bracket=0) for n in range(20)])
    assert share_of(range(100), study) == pytest.approx(0.1, abs=0.02), "those went on because they were good"
    study.add_trials([trial(n, -10 * n) for n in range(20)])
    assert share_of(range(100), study) > 0.8
    assert Asha(1, 3, 27, brackets=2).deal(study, 2) == 0, "unless the shares are equal"
    study.add_trials([trial(n, state=TrialState.FAIL) for n in range(9)])
    study.add_trials([trial(n) for n in range(9)])
    assert share_of(range(100), study) > 0.8, "what did not get there says nothing"


def test_a_trial_stays_in_its_bracket() -> None:
    study = optuna.create_study(direction="maximize")
    study.add_trials([trial(n, -n) for n in range(7)])
    policy = Policy(9, ASHA)
    study.add_trial(create_trial(state=TrialState.WAITING))
    assert [ASHA.deal(study, 7)] == [1]
    taken = take(study, policy)
    assert taken is not None and taken.number == 7 and ASHA.bracket(taken) == 1
    study.add_trials([trial(n, 2 * n) for n in range(100)])
    assert ASHA.deal(study, 7) == 0
    put_back(study, taken._trial_id)
    again = take(study, policy)
    assert again is not None and again.number == 7 and ASHA.bracket(again) == 1


def test_fewer_brackets_than_a_trial_was_dealt_to_stand() -> None:
    kept = trial(0.1)
    assert ASHA.bracket(kept) == 1
    assert Asha(1, 3, 27, brackets=1).bracket(kept) == 0


def test_several_objectives_where_the_first_rung_is_the_end() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    for number, values in enumerate(((0.5, 3.0), (0.7, 2.0), (0.9, 4.0))):
        attrs = {f"{VALUES}1": list(values)}
        found = create_trial(values=list(values), intermediate_values={1: values[0]}, system_attrs=attrs)
        study.add_trial(found)
        assert ASHA_OF_ONE.goes_on(study, number, 0) in (True, False)
    assert [found.number for found in ASHA_OF_ONE.best(study)] == [1, 2]


def test_several_objectives_at_what_was_no_rung_when_they_were_there() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    sampler = optuna.samplers.TPESampler(n_startup_trials=2, seed=0)
    space: dict[str, optuna.distributions.BaseDistribution] = {"x": optuna.distributions.FloatDistribution(0, 1)}
    for number in range(8):  # they were compared after two steps, and two times three
        attrs = {f"{VALUES}2": [0.1 * number, 1.0], WORKER: ["host", 1, 0.0], BRACKET: 1}
        values = {1: 0.1, 2: 0.1 * number, 3: 0.2}
        study.add_trial(
            create_trial(
                state=TrialState.PRUNED, params={"x": number / 10}, distributions=space, intermediate_values=values,
                system_attrs=attrs,
            )
        )  # fmt: skip
    assert list(ASHA.promotable(study)) == [] and ASHA.best(study) == []
    assert ASHA.deal(study, 1) == 1, "nothing is known"
    view = SamplerView(study, sampler, ASHA)
    assert all(math.isfinite(value) for found in view.get_trials(deepcopy=False) for value in found.values or [])
    new = optuna.trial.Trial(SamplerView(study, sampler, ASHA), study.ask()._trial_id)
    assert 0 <= new.suggest_float("x", 0, 1) <= 1
