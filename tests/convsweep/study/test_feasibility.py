"""One answer, everywhere, to which trials are infeasible, and why."""

from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from convsweep.insight import look_back
from convsweep.insight.standing import standings
from convsweep.report.tables import rows
from convsweep.study.feasibility import broken, is_infeasible, kind_of_end, why_infeasible
from tests.helpers.made_up import made_up


def trial(state: str, violation: float | None = None, **attrs: str) -> FrozenTrial:
    more: dict[str, Any] = {"constraints": {"size": violation, "depth": -1.0}} if violation is not None else {}
    value = 40.0 if state == "COMPLETE" else None
    return create_trial(state=TrialState[state], value=value, user_attrs=attrs, intermediate_values={1: 0.5}, **more)


@pytest.mark.parametrize(
    ("known", "why", "kind"),
    [
        (trial("COMPLETE", 30.0), "breaks size by 30", "size"),
        (trial("PRUNED", 30.0), "breaks size by 30", "size"),
        (trial("COMPLETE", 0.2, infeasible="f1 is 0.8, breaks f1 >= 1"), "f1 is 0.8, breaks f1 >= 1", "size"),
        (trial("PRUNED", infeasible="x is 3.5"), "x is 3.5", "x is N"),
        (trial("COMPLETE", -1.0), "", None),
        (trial("WAITING", 30.0), "", None),
        (trial("FAIL", 30.0, error="ValueError: 7"), "", "ValueError: N"),
    ],
    ids=["done", "pruned", "in words", "not run", "kept", "not ended", "failed"],
)  # fmt: skip
def test_who_is_infeasible_and_why(known: FrozenTrial, why: str, kind: str | None) -> None:
    assert (is_infeasible(known), why_infeasible(known)) == (bool(why), why)
    if kind is not None:
        assert kind_of_end(known) == kind


def test_the_constraint_that_stands_for_a_reason_is_none_to_a_reader() -> None:
    known = create_trial(state=TrialState.PRUNED, constraints={"feasible": 1.0}, user_attrs={"infeasible": "too large"})
    assert broken(known) == {}
    assert (why_infeasible(known), kind_of_end(known)) == ("too large", "too large")


def test_tables_advice_and_standings_say_the_same() -> None:
    study = made_up(lambda _: 0.0, trials=4)
    for known in [trial("COMPLETE", 30.0)] * 4 + [trial("PRUNED", 30.0)]:
        study.add_trial(known)
    assert [(row["state"], row["error"]) for row in rows(study)[4:]] == [("INFEASIBLE", "breaks size by 30")] * 5
    (standing,) = standings(study)
    assert {known.number for known in standing.trials} == {0, 1, 2, 3}
    assert look_back(study).advice[0].text == "5 of 9 trials were infeasible, 5 of them because of `size`"


def test_a_study_of_optuna_s_own_is_borne() -> None:
    study = optuna.create_study()
    study.add_trial(trial("COMPLETE", 0.0))
    assert not is_infeasible(study.trials[0])
