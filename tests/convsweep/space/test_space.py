"""Combinations and examples of a space."""

from convsweep.space.grammar import parse
from tests.helpers.spaces import chain, space


def test_combinations_are_all_there_once_in_order() -> None:
    space = parse(["a=1,2", "b=range(0,3)"], {})
    expected = [{"a": a, "b": b} for a in (1, 2) for b in (0, 1, 2)]
    assert space.size == 6
    assert list(space.combinations(seed=0)) == expected


def test_shuffle_follows_the_seed() -> None:
    space = parse(["a=shuffle(range(0,20))"], {})
    orders = [[combo["a"] for combo in space.combinations(seed)] for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == list(range(20))


def test_examples_show_every_value() -> None:
    examples = list(parse(["a=1,2,3", "b=u,v", "c=interval(0,1)"], {}).examples())
    assert {e["a"] for e in examples} == {1, 2, 3}
    assert {e["b"] for e in examples} == {"u", "v"}
    assert {e["c"] for e in examples} == {0.0, 1.0}


def test_each_active_combination_is_listed_and_counted_once() -> None:
    found = chain()
    expected = [
        {"a": 1}, {"a": 2, "b": True}, {"a": 2, "b": False},
        {"a": 3, "b": True, "c": "x"}, {"a": 3, "b": True, "c": "y"}, {"a": 3, "b": False},
    ]  # fmt: skip
    assert list(found.combinations(seed=0)) == expected
    assert found.size == 6


def test_examples_show_every_value_in_combinations_that_exist() -> None:
    found = chain()
    examples = list(found.examples())
    assert all(example in found.combinations(0) for example in examples)
    assert {(n, v) for e in examples for n, v in e.items()} >= {("a", 1), ("b", False), ("c", "x"), ("c", "y")}
    assert len(examples) == 4


def test_a_space_of_billions_is_counted_at_once() -> None:
    keys = [f"k{i}=range(0,10)" for i in range(12)]
    found = space("a=1,2", *keys, conditions={f"k{i}": "a=2" for i in range(11)})
    assert found.size == 10 + 10**12
