"""The replays of benchmarks.policies and benchmarks.fronts, and the page that is made of them, by hand."""

import numpy as np
import pytest
from optuna.distributions import FloatDistribution

from benchmarks.fronts import hypervolume
from benchmarks.likeness import earlier_study
from benchmarks.policies import BASELINE, DEFAULT, NO_SCHEDULER, ONE_SEED, POLICIES, Row, one_epoch_each, page, paired
from convsweep.replay import Curves, simulate
from convsweep.space.parameter import Parameter
from convsweep.space.space import Space
from src.search import sweeper_of


def curves(*values: list[list[float]]) -> Curves:
    space = Space({"x": Parameter("x", "x", FloatDistribution(0, 1), None)})
    arrays = [[np.array(curve) for curve in found] for found in values]
    return Curves(space, [{"x": i / 10} for i in range(len(values))], arrays, [1.0] * len(values), maximize=True)


def test_the_control_trains_the_best_after_an_epoch_to_the_end() -> None:
    found = curves([[0.5, 0.6, 0.7]], [[0.6, 0.6, 0.6]], [[0.1, 0.9, 0.9]])
    # Five epochs are three first ones and the rest of one, which is that of 0.6; seven are the rest of two.
    assert one_epoch_each(found, 5, seed=0)[0] == 0.6
    assert one_epoch_each(found, 7, seed=0)[0] == 0.7
    assert one_epoch_each(found, 9, seed=0)[0] == 0.9
    value, other = one_epoch_each(curves([[0.5, 0.8], [0.4, 0.6]]), 2, seed=1)
    assert (value, other) == (0.6, 0.8), "what the other seed gave it"


def test_a_hypervolume_by_hand() -> None:
    # From the corner (0, 10): 0.5 at 4 is 0.5 * 6; 0.8 at 7 adds 0.3 * 3; 0.6 at 8 is dominated.
    assert hypervolume([(0.8, 7), (0.5, 4), (0.6, 8)], (0.0, 10.0)) == pytest.approx(3.9)
    assert hypervolume([(-0.1, 5), (0.5, 11)], (0.0, 10.0)) == 0


def test_the_page_has_the_best_in_bold_and_says_what_follows() -> None:
    distances = {NO_SCHEDULER: 0.3, DEFAULT: 0.1, BASELINE: 0.2}
    rows = [
        Row(table, policy, 10, seed, distance + (table == "b") * 0.1 + seed / 1000)
        for table in ("a", "b")
        for policy, distance in distances.items()
        for seed in range(3)
    ]
    rows += [Row("a", "CQR, no scheduler", 10, seed, 0.2) for seed in range(3)]
    text = page([*rows, Row("a", "tried once", 10, 0, 0.0)])
    assert "| the defaults | **0.1010** ± 0.0006 |" in text
    assert "| TPE, no scheduler | 0.3510 ± 0.0004 |" in text, "the mean of both tables"
    assert "**With 10 full trainings**: Leave everything as it is" in text
    assert "better by more than a standard error on 2 of them, worse on none" in text
    assert "tried once" not in text
    assert "| CQR, no scheduler | 1 / 0 of 1 |" in text, "better than TPE on the one table that it was tried on"


def test_one_seed_for_all_trials_is_one_curve_for_all() -> None:
    found = curves([[0.1, 0.2], [0.6, 0.7]], [[0.3, 0.4], [0.4, 0.5]])
    assert paired(found) and not paired(curves([[0.1, 0.2], [0.6, 0.7]], [[0.3, 0.4]]))
    sweeper = sweeper_of(POLICIES[ONE_SEED], "2trials")
    first, second = (simulate(found, sweeper.copy(), seed) for seed in (0, 1))
    # By the first curve of each the second configuration is the better one, by the second one the first.
    assert (first.best, first.value, first.other) == (1, 0.4, 0.5)
    assert (second.best, second.value, second.other) == (0, 0.7, 0.2)


def test_an_earlier_study_turned_round_has_the_best_where_the_worst_was() -> None:
    found = curves([[0.5, 0.6]], [[0.7, 0.9]], [[0.1, 0.2]])
    as_it_is, turned = (
        {trial.params["x"]: trial.value for trial in earlier_study(found, 0, turned).trials} for turned in (False, True)
    )
    assert as_it_is == {0.0: 0.6, 0.1: 0.9, 0.2: 0.2}
    assert turned == pytest.approx({0.0: 0.5, 0.1: 0.2, 0.2: 0.9})
    assert (
        simulate(found, sweeper_of(POLICIES[NO_SCHEDULER], "1trials"), 0, earlier=[earlier_study(found, 0, False)]).best
        == 1
    )
