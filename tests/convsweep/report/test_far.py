"""One huge value leaves the others in view."""

import math

import optuna
import pytest
from optuna.trial import create_trial

from convsweep.report import figures
from convsweep.report.far import far_from_others, view_of
from convsweep.report.page import report
from convsweep.report.points import Point, points_of
from convsweep.report.shown import Names
from tests.helpers.made_up import SPACE, made_up


def trials(*values: float) -> list[Point]:
    study = optuna.create_study()
    study.add_trials([create_trial(value=value) for value in values])
    return points_of(study, Names(study))


PLAIN = [0.9 + 0.01 * i for i in range(12)]


def test_what_is_far_is_told_from_what_is_not() -> None:
    assert far_from_others(trials(*PLAIN), []) == set()
    assert far_from_others(trials(*PLAIN, 1e12, -1e300, 3.0), []) == {12, 13, 14}
    assert far_from_others(trials(*PLAIN, 1e12), [12]) == set(), "the best one is shown"
    assert far_from_others(trials(*PLAIN, math.inf), []) == set(), "which no figure has"
    assert far_from_others(trials(*[0.5] * 30, 0.51), []) == set()
    assert far_from_others(trials(*[0.5] * 17, 0.51, 0.52, 1e9), []) == {19}
    assert far_from_others(trials(1.0, 2.0, 1e12), []) == set(), "too few to tell"
    assert view_of([0.5, 0.5]) is None


def test_figures_have_the_others_in_view() -> None:
    pytest.importorskip("plotly")
    study = made_up(lambda p: p["model.dropout"], trials=20, noise=0.1, directions=("minimize",))
    params = study.trials[0].params
    study.add_trial(create_trial(value=1e12, params=params, distributions=SPACE, intermediate_values={1: 1e12}))
    found = figures(study)
    low, high = found["history"].layout.yaxis.range
    assert -1 < low < high < 2
    assert max(found["slice/model.dropout"].data[0].y) < 2
    assert found["curves"].layout.yaxis.range is None, "of so few points nobody knows which is far"
    assert "Values far from all others (trial 20) are beyond the view" in report(study)
    assert "Values far" not in report(made_up(lambda p: p["model.dropout"], trials=20))


def test_curves_have_the_others_in_view() -> None:
    pytest.importorskip("plotly")
    study = optuna.create_study()
    for number in range(6):
        curve = {step: 1 / step + 0.01 * number for step in range(1, 6)}
        study.add_trial(create_trial(value=curve[5], intermediate_values=curve | ({3: 1e9} if number == 2 else {})))
    low, high = figures(study)["curves"].layout.yaxis.range
    assert 0 < low < high < 2
