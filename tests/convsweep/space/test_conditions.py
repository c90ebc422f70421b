"""Keys that exist only when others have certain values."""

from typing import Any

import pytest
from omegaconf import OmegaConf

from convsweep.errors import UserError
from convsweep.space.conditions import restrict
from convsweep.space.grammar import parse
from convsweep.space.space import Space
from tests.helpers.spaces import chain, space


def test_a_key_says_on_what_it_depends() -> None:
    assert chain().describe() == {"a": "{1, 2, 3}", "b": "{True, False} if a=2,3", "c": "{x, y} if b=true and a=3"}


FIXED = [
    ("model=cnn", True),
    ("model=mlp,cnn", True),
    ("model=resnet", False),
    ("fixed=1.5", True),
    ("fixed='1.5'", False),
    ("nested.flag=true", True),
    ("nested.flag=1", False),
    ("a=range(2,5)", True),
]


@pytest.mark.parametrize(("condition", "possible"), FIXED, ids=[row[0] for row in FIXED])
def test_a_condition_on_what_is_not_searched_is_settled_beforehand(condition: str, possible: bool) -> None:
    found = space("a=1,2", "b=5,6", "c=7,8", conditions={"b": condition, "c": "b=5"})
    assert ("b" in found.parameters) == ("c" in found.parameters) == possible
    asks = "a=" in condition and possible
    assert found.describe().get("b", "") == ("{5, 6}" if possible else "") + (f" if {condition}" if asks else "")


def test_a_condition_of_a_key_that_is_fixed_on_the_command_line_is_void() -> None:
    assert space("a=1,2", "b=true", conditions={"b": "a=2"}).size == 2


def test_conditions_on_the_command_line_may_nest() -> None:
    found = space("a=1,2", "m.k=3,5", conditions={"m": {"k": "a=2"}})
    assert found.describe()["m.k"] == "{3, 5} if a=2"


WRONG = [
    ({"z": "a=1"}, "`hydra.sweeper.conditions.z`: `z` is not searched; searched are a, b"),
    ({"b": "z=1"}, "`hydra.sweeper.conditions.b`: `z=1`: `z` is neither searched nor in the config; there are a, b"),
    ({"b": "modl=cnn"}, "did you mean model?"),
    ({"b": 3}, "`hydra.sweeper.conditions.b` must be key=value[,value...], `3` cannot be read"),
    ({"b": "a=interval(0,1)"}, "`a=interval(0,1)` lists no values; type e.g. a=1,2"),
    ({"b": "a=7"}, "`hydra.sweeper.conditions.b`: `a=7`: `a` is never 7; there are 1, 2"),
    ({"b": "b=1"}, "`hydra.sweeper.conditions.b` must not depend on itself: b if b"),
    ({"a": "b=5", "b": "a=1"}, "must not depend on itself: a if b if a; take one of them out"),
]


@pytest.mark.parametrize(("conditions", "message"), WRONG, ids=[str(row[0]) for row in WRONG])
def test_a_wrong_condition_is_refused(conditions: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        space("a=1,2", "b=5,6", conditions=conditions)
    assert message in str(caught.value)


def test_a_value_that_no_trial_can_have_is_refused() -> None:
    for asked in ("group=z", "group=lo,z", "x=7"):
        with pytest.raises(UserError, match="never"):
            restricted("group=lo,hi", "x=interval(0,1)", "k=1,2", conditions={"k": asked})
    with pytest.raises(UserError, match="`model` is never resnt; there are cnn, resnet; did you mean resnet"):
        restricted("k=1,2", conditions={"k": "model=resnt"})
    with pytest.raises(UserError, match=r"`x` is never 7; there are 0\.\.1"):
        restricted("x=interval(0,1)", "k=1,2", conditions={"k": "x=7"})


def test_a_value_that_another_command_searches_is_none_that_is_unknown() -> None:
    """A command that searches less than `params` has, or fewer of a group's options, keeps the conditions."""
    assert "k" not in restricted("group=lo,hi", "k=1,2", conditions={"k": "group=mid"}).parameters
    assert "k" not in restricted("n=1,2", "k=1,2", conditions={"k": "n=3"}).parameters
    assert "k" in restricted("n=1,2", "k=1,2", conditions={"k": "n=range(2,9)"}).parameters


def restricted(*overrides: str, conditions: dict[str, Any]) -> Space:
    options = {"group": ["lo", "mid", "hi"], "model": ["cnn", "resnet"]}
    config = OmegaConf.create({"hydra": {"runtime": {"choices": {"model": "cnn"}}}})
    others = parse(["n=1,2,3"], {}).parameters
    return restrict(parse(overrides, {}), conditions, lambda _: config, others, lambda name: options.get(name, []))


def test_all_wrong_conditions_are_named_at_once() -> None:
    with pytest.raises(UserError) as caught:
        space("a=1,2", "b=5,6", conditions={"z": "a=1", "b": ["a", "y=1"]})
    assert len(caught.value.problems) == 3
