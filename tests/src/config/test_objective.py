"""Every number that an evaluation has can be an objective, or stand in a constraint."""

import math

import pytest

from src.config import constraint
from src.config.objective import METRICS, bounds, by_epoch, check, direction, directions, leading_metric, recorded_name


@pytest.mark.parametrize(
    ("name", "better", "epoch"),
    [
        ("macro_f1", "maximize", "val_macro_f1"),
        ("val_macro_f1", "maximize", "val_macro_f1"),
        ("log_loss", "minimize", "val_log_loss"),
        ("recall[T-shirt/top]", "maximize", "val_recall[T-shirt/top]"),
        ("val_loss", "minimize", "val_loss"),
        ("fit_seconds", "minimize", None),
        ("f1", None, None),
        ("recall[]", None, None),
        ("recall", None, None),
        ("val_parameters", None, None),
    ],
)
def test_a_metric_has_a_direction_and_perhaps_a_name_by_epoch(name: str, better: str | None, epoch: str | None) -> None:
    assert direction(name) == better
    assert by_epoch(name) == epoch
    assert bool(check(name)) == (better is None)


def test_shares_lie_between_0_and_1() -> None:
    unbounded = {"val_loss", "loss", "log_loss", "parameters", "latency_ms", "fit_seconds"}
    for name in METRICS:
        assert bounds(name) == ((0, math.inf) if name in unbounded else (0, 1)), name
    assert bounds("recall[rose]") == bounds("val_macro_f1") == (0, 1)
    assert bounds("mine") == (-math.inf, math.inf)
    assert bounds("mine.kappa") == (-math.inf, math.inf)


def test_the_first_objective_that_is_known_by_epoch_leads() -> None:
    assert leading_metric(["parameters", "ece"]) == "val_ece"
    assert directions(["recall[rose]", "ece"]) == ["maximize", "minimize"]


def test_an_unknown_one_lists_all_and_the_nearest() -> None:
    (problem,) = check("val_macro_f")
    assert all(name in problem for name in METRICS)
    assert problem.endswith("got val_macro_f; type e.g. objective=macro_f1")
    (problem,) = check(["ece", "val_ece"])
    assert "name each metric once" in problem


def test_mlflow_gets_a_name_without_brackets() -> None:
    assert recorded_name("val_recall[T-shirt/top]") == "val_recall/T-shirt_top"
    assert recorded_name("val_macro_f1") == "val_macro_f1"


@pytest.mark.parametrize(
    ("text", "instead"),
    [("ecee <= 0.1", "ece <= 0.1"), ("ece < 1", "parameters <= 200000"), ("ece <= nan", "parameters <= 200000")],
)
def test_a_constraint_that_is_none_says_what_to_type(text: str, instead: str) -> None:
    (problem,) = constraint.check([text])
    assert problem.endswith(f"type e.g. 'constraints=[\"{instead}\"]'")


def test_constraints_take_what_an_evaluation_says() -> None:
    assert constraint.check(["ece <= 0.1", "recall[Ankle boot] >= 0.8", "val_auc >= 0.5"]) == []
    rule = constraint.parse("recall[Ankle boot] >= 0.8")
    assert (rule.metric, str(rule)) == ("recall[Ankle boot]", "recall[Ankle boot] >= 0.8")
