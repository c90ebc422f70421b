"""`hydra.sweeper.params` as YAML has it."""

from typing import Any

import pytest
from omegaconf import OmegaConf

from convsweep.errors import UserError
from convsweep.space.grammar import parse

CONFIG = OmegaConf.create(
    {
        "net": {"width": 4, "name": "a", "sizes": [1, 2], "none": None, "lost": "${nowhere}"},
        "hydra": {"runtime": {"choices": {"model": "cnn", "space": ["x"]}}},
    }
)


@pytest.mark.parametrize(
    ("key", "given", "values"),
    [
        ("net.width", [2, 4, 8], [2, 4, 8]),
        ("+net.width", [2, 4], [2, 4]),
        ("net.name", ["a", "b c", None], ["a", "b c", None]),
        ("net.width", [[1, 2], [3]], [[1, 2], [3]]),
        ("model", ["cnn", "mlp"], ["cnn", "mlp"]),
    ],
)
def test_a_list_is_searched_where_the_config_has_one_value(key: str, given: list[Any], values: list[Any]) -> None:
    space = parse([], {key: given}, config=CONFIG)
    assert not space.notes
    assert list(space.parameters[key.lstrip("+")].values or ()) == values


@pytest.mark.parametrize("key", ["net.sizes", "net.none", "net.new", "net.lost", "space"])
def test_a_list_that_may_be_one_value_is_one_with_a_word(key: str) -> None:
    space = parse([], {key: [2, 4]}, config=CONFIG)
    assert space.fixed == [f"{key}=[2,4]"]
    assert space.notes == [
        f'`hydra.sweeper.params.{key}`: the list is one value; to search what is in it, write {key}: "2,4"'
    ]
    assert parse([f"{key}=[2,4]"], {key: [2, 4]}, config=CONFIG).notes == [], "the command line has it otherwise"


def test_a_list_of_one_is_no_search() -> None:
    assert parse([], {"net.width": [2]}, config=CONFIG).fixed == ["net.width=[2]"]


def test_a_mapping_in_which_something_is_searched_is_one_of_keys() -> None:
    found = parse([], {"opt": {"lr": "interval(0.1,0.5)", "more": {"n": "1,2"}, "plain": 3}})
    assert set(found.parameters) == {"opt.lr", "opt.more.n"} and found.fixed == ["opt.plain=3"]
    with pytest.raises(UserError) as caught:
        parse([], {"opt": {"lr": "interval(0.1,0.5)"}, "x": "interval(1"})
    assert len(caught.value.problems) == 1
    assert parse([], {"opt": {"lr": 0.1, "n": 3}}).fixed == ["opt={lr:0.1,n:3}"]
