"""The command that a sweep ends with raises what is spent, and is none where it mends nothing."""

import io
from typing import Any

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.trial import TrialState, create_trial
from rich.console import Console

from convsweep.display.conclusion import show_conclusion
from convsweep.insight import Findings
from convsweep.space.grammar import parse

BASE = dict.fromkeys(("budget", "n_trials", "target", "patience", "max_failure_rate", "max_consecutive_failures"))


def said(states: list[str], **sweeper: Any) -> str:
    study = optuna.create_study()
    for state in states:
        study.add_trial(create_trial(state=TrialState[state], value=0.0 if state == "COMPLETE" else None))
    out = io.StringIO()
    show_conclusion(
        study, parse(["x=interval(0,1)"], {}), OmegaConf.create({**BASE, **sweeper}), None, False,
        Findings(0, {}, []), lambda *more: " ".join(["typed", *more]), lambda: "typed anew",
        lambda *more: "typed beside",
        Console(file=out, width=200),
    )  # fmt: skip
    return out.getvalue()


@pytest.mark.parametrize(
    ("states", "sweeper", "more"),
    [
        (["COMPLETE"] * 8, {"n_trials": 8}, "hydra.sweeper.n_trials=16"),
        (["COMPLETE"] * 6, {"budget": "20epochs"}, "hydra.sweeper.budget=40epochs"),
        (["COMPLETE"] * 6, {"budget": "20epochs", "n_trials": 8}, "hydra.sweeper.budget=40epochs"),
        (["COMPLETE"] * 8, {"budget": "20epochs", "n_trials": 8}, "hydra.sweeper.n_trials=16"),
        (["COMPLETE"] * 8, {"budget": "8trials", "n_trials": 8}, "hydra.sweeper.budget=16 hydra.sweeper.n_trials=16"),
    ],
)
def test_what_is_spent_is_doubled(states: list[str], sweeper: dict[str, Any], more: str) -> None:
    assert said(states, **sweeper) == f"go on    typed {more}\n"


def test_where_all_failed_a_larger_budget_is_no_advice() -> None:
    assert said(["FAIL"] * 8, n_trials=8) == "retry    typed hydra.sweeper.retry_failed=true\n"
