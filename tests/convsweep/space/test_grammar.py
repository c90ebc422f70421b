"""The sweep grammar: a row for each form, and for each refusal."""

import math
from typing import Any
from unittest import mock

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from convsweep.errors import UserError
from convsweep.space.grammar import parse

FORMS = [
    ("x=1,2", CategoricalDistribution((1, 2)), [1, 2]),
    ("x=a,b", CategoricalDistribution(("a", "b")), ["a", "b"]),
    ("x=a", None, None),
    ("x=[1,2]", None, None),
    ("x=1,1,2", CategoricalDistribution((1, 2)), [1, 2]),
    ("x=choice(1.5,b,true)", CategoricalDistribution((1.5, "b", True)), [1.5, "b", True]),
    ("x=choice(a)", CategoricalDistribution(("a",)), ["a"]),
    ("x=null,1", CategoricalDistribution((None, 1)), [None, 1]),
    ("x='1',1", CategoricalDistribution(("1", 1)), ["1", 1]),
    ("x='a,b','c d'", CategoricalDistribution(("a,b", "c d")), ["a,b", "c d"]),
    ("x=1,nan", CategoricalDistribution((1, math.nan)), [1, math.nan]),
    ("x=nan,1,NaN,-nan", CategoricalDistribution((math.nan, 1)), [math.nan, 1]),
    ("x=inf,-inf,0.0,0.0", CategoricalDistribution((math.inf, -math.inf, 0.0)), [math.inf, -math.inf, 0.0]),
    ("x=true,false", CategoricalDistribution((True, False)), [True, False]),
    ("x=1e-3,1e-2", CategoricalDistribution((0.001, 0.01)), [0.001, 0.01]),
    ("x=range(1,4)", IntDistribution(1, 3), [1, 2, 3]),
    ("x=range(0,10,3)", IntDistribution(0, 9, step=3), [0, 3, 6, 9]),
    ("x=range(5,1,-2)", IntDistribution(3, 5, step=2), [5, 3]),
    ("x=range(0,1,0.25)", FloatDistribution(0, 0.75, step=0.25), [0.0, 0.25, 0.5, 0.75]),
    ("x=range(0.0,0.4,0.1)", FloatDistribution(0, 0.3, step=0.1), [0.0, 0.1, 0.2, 0.3]),
    ("x=tag(log,range(1,4))", IntDistribution(1, 3, log=True), [1, 2, 3]),
    ("x=interval(1,5)", FloatDistribution(1.0, 5.0), None),
    ("x=int(interval(1,5))", IntDistribution(1, 5), None),
    ("x=tag(log,interval(1e-4,1e-2))", FloatDistribution(1e-4, 1e-2, log=True), None),
    ("x=tag(log,int(interval(1,64)))", IntDistribution(1, 64, log=True), None),
    ("x=str(choice(1,2))", CategoricalDistribution(("1", "2")), ["1", "2"]),
    ("x=sort(3,1,2)", CategoricalDistribution((1, 2, 3)), [1, 2, 3]),
    ("x=${y},${z}", CategoricalDistribution(("${y}", "${z}")), ["${y}", "${z}"]),
]


@pytest.mark.parametrize(("line", "distribution", "values"), FORMS, ids=[form[0] for form in FORMS])
def test_form(line: str, distribution: Any, values: list[Any] | None) -> None:
    space = parse([line], {})
    if distribution is None:
        assert space.fixed == [line]
        return
    parameter = space.parameters["x"]
    assert parameter.distribution == distribution
    assert (parameter.values is None) == (values is None)
    if values is not None:
        assert [(type(v), repr(v)) for v in parameter.values or ()] == [(type(v), repr(v)) for v in values]


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("x=[1,2],[3]", [[1, 2], [3]]),
        ("x={a:1},{a:2}", [{"a": 1}, {"a": 2}]),
        ("x=[],null", [[], None]),
        ("x={a:1,b:2},{b:2,a:1}", [{"a": 1, "b": 2}]),
    ],
)
def test_lists_null_and_dicts_are_values(line: str, values: list[Any]) -> None:
    assert list(parse([line], {}).parameters["x"].values or ()) == values


@pytest.mark.parametrize("prefix", ["", "+", "++"])
def test_prefix_is_kept_for_the_override_and_dropped_from_the_name(prefix: str) -> None:
    parameter = parse([f"{prefix}a.b=1,2"], {}).parameters["a.b"]
    assert parameter.override(2) == f"{prefix}a.b=2"


def test_deletion_is_fixed() -> None:
    assert parse(["~a", "+a.b=1", "x=1,2"], {}).fixed == ["~a", "+a.b=1"]


def test_package_of_a_group_is_kept() -> None:
    assert parse(["group@other=low,high"], {}).parameters["group@other"].override("low") == "group@other=low"


REFUSED = [
    ("~x=1,2", "a deletion cannot be searched; type one deletion for all trials, ~x"),
    ("hydra.job.name=a,b", "Hydra's own keys cannot be searched"),
    ("hydra/launcher=basic,joblib", "Hydra's own keys cannot be searched"),
    ("x=interval(5,1)", "low <= high must hold, got low=5.0, high=1.0; type interval(1.0, 5.0)"),
    ("x=interval(2,2)", "the interval is empty"),
    ("x=tag(log,interval(0,1))", "must start above 0, got 0.0"),
    ("x=tag(log,interval(-1,1))", "must start above 0, got -1.0"),
    ("x=interval(0,inf)", "must be finite"),
    ("x=range(3,3)", "the range is empty"),
    ("x=range(3,1)", "the range is empty"),
    ("x=range(1,9,0)", "the step of a range must not be 0"),
    ("x=tag(log,range(1,9,2))", "no logarithmic scale"),
    ("x=tag(log,choice(1,2))", "listed values have no scale"),
    ("x=tag(lgo,interval(1,2))", "unknown tag lgo"),
    ("x=choice(null,1)", "choice() takes no null"),
    ("x=1,true", "equals another choice of another type"),
    ("x=1,1.0", "equals another choice of another type"),
    ("x=0,false", "equals another choice of another type"),
    ("x=0.0,-0.0", "equals another choice of another type or sign"),
    ("x=[1],[1.0]", "equals another choice of another type"),
    ("x=[1,[2]],[1,[2.0]]", "equals another choice of another type"),
    ("x={a:1},{a:true}", "equals another choice of another type"),
    ("x=[1,nan],[2]", "a nan inside of a list or a mapping"),
    ("x={a:{b:nan}},{a:1}", "a nan inside of a list or a mapping"),
    ("x=range(0,nan)", "a range must be finite"),
    ("x=range(0,inf)", "a range must be finite"),
    ("x=range(0,1,nan)", "a range must be finite"),
    ("x=interval(0,nan)", "must be finite"),
    ("x=choice(1", "cannot be read as an override"),
    ("x", "cannot be read as an override"),
]


@pytest.mark.parametrize(("line", "reason"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refusal_names_the_override_and_the_reason(line: str, reason: str) -> None:
    with pytest.raises(UserError) as caught:
        parse([line], {})
    assert line in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("net=small,null", "got null; there are small, 18; for a trial with none of them add an empty file to the"),
        ("net=null", "got null; there are small, 18"),
        ("+net=18,34", "got 18; type e.g. \"+net='18'\""),
        ("net=2.5", "got 2.5; there are small, 18"),
        ("net='18',small", None),
        ("net={a:1}", None),
        ("~net", None),
        ("key=null,18", None),
    ],
)
def test_value_of_a_group_is_the_name_of_an_option(line: str, said: str | None) -> None:
    loader = mock.Mock(get_group_options=lambda group, *_: ["small", "18"] if group == "net" else [])
    if said is None:
        parse([line], {}, loader)
        return
    with pytest.raises(UserError) as caught:
        parse([line], {}, loader)
    assert f"`{line}`: a config group takes the name of an option, {said}" in str(caught.value)


def test_all_refusals_at_once() -> None:
    with pytest.raises(UserError) as caught:
        parse(["a=interval(5,1)", "b=range(1,1)"], {"c": "tag(log,interval(0,1))"})
    assert len(caught.value.problems) == 3


def test_command_line_wins_over_params() -> None:
    space = parse(["x=5", "+y=3,4"], {"x": "1,2", "y": "1,2", "z": "1,2", "f": 7, "l": [1, 2]})
    assert space.fixed == ["f=7", "l=[1,2]", "x=5"]
    assert list(space.parameters) == ["z", "y"]
    assert space.parameters["y"].values == (3, 4)


def test_last_mention_wins() -> None:
    assert parse(["x=1,2", "x=3"], {}).fixed == ["x=3"]
    assert parse(["x=3", "x=1,2"], {}).fixed == []
