"""Trials of the same value: the lower tie-break is the better one, wherever trials are ranked."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import optuna
import pytest
import yaml

from convsweep.display.summary import write_results
from convsweep.policy.asha import Asha
from convsweep.policy.policy import Policy
from convsweep.study.ranking import ranked
from convsweep.workers.trial import TrialHandle


def study_of(
    values: Sequence[tuple[float, float | None]], direction: Literal["minimize", "maximize"] = "maximize"
) -> optuna.Study:
    """Return a study whose trials have these values and tie-breaks, at their one step and at their ends."""
    study = optuna.create_study(direction=direction)
    for value, tie in values:
        handle = TrialHandle(study.ask(), 0, Path(), policy=Policy(9, Asha(1, 3, 9)))
        handle.report(value, 1, tie)
        if tie is not None:
            handle.set_tie_break(tie)
        study.tell(handle.number, value)
    return study


@pytest.mark.parametrize(
    ("values", "best_first"),
    [
        ([(0.9, 0.3), (0.9, 0.1), (0.9, 0.2)], [1, 2, 0]),
        ([(0.9, 0.3), (0.95, 0.9), (0.9, 0.1)], [1, 2, 0]),
        ([(0.9, None), (0.9, 0.5), (0.9, math.nan)], [1, 0, 2]),
        ([(0.9, 0.2), (0.9, 0.2)], [0, 1]),
    ],
)
def test_ties_go_to_the_lower_tie_break_then_to_the_earlier(
    values: list[tuple[float, float | None]], best_first: list[int], tmp_path: Path
) -> None:
    study = study_of(values)
    assert [trial.number for trial in ranked(study)] == best_first
    assert [trial.number for trial in Asha(1, 3, 9)._ranked(study, 0)] == best_first
    written = yaml.safe_load(write_results(study, tmp_path).read_text())
    assert written["best_trial"] == best_first[0]
    minimized = study_of([(-value, tie) for value, tie in values], "minimize")
    assert [trial.number for trial in ranked(minimized)] == best_first


def test_a_leader_at_a_rung_is_the_one_with_the_lower_tie_break() -> None:
    study, asha = optuna.create_study(direction="maximize"), Asha(1, 3, 9)
    for tie in (0.3, 0.1, 0.2):
        TrialHandle(study.ask(), 0, Path(), policy=Policy(9, asha)).report(0.9, 1, tie)
    leader = asha.leader(study)
    assert leader is not None
    assert leader.number == 1
    assert asha.goes_on(study, 1, 0)
    assert not asha.goes_on(study, 0, 0)


def test_a_trial_knows_whether_it_is_the_best_before_it_ends() -> None:
    study = study_of([(0.9, 0.3)])
    for value, tie, best in [(0.9, 0.2, True), (0.9, 0.4, False), (0.91, 5.0, True), (0.89, 0.0, False)]:
        handle = TrialHandle(study.ask(), 0, Path())
        handle.set_tie_break(tie)
        assert handle.is_best(value) == best
        assert handle.ranking(value) == ([handle.number, 0] if best else [0, handle.number])
        study.tell(handle.number, state=optuna.trial.TrialState.FAIL)
