"""The study as a queue: what is enqueued comes first, and once."""

from typing import Any

import pytest

from convsweep.errors import UserError
from convsweep.space.values import hashable
from convsweep.study.queue import fill, parse_enqueue
from tests.helpers.spaces import chain, run, space, study_of


def test_enqueued_configurations_come_first_and_once() -> None:
    found = space("m=u,v", "x=interval(0,1)", "k=1,2,3", conditions={"x": "m=u", "k": "m=v"})
    first = parse_enqueue([{"m": "v", "k": 3}, {"m": "u"}, {"m": "u", "x": 1}, {"m": "v", "k": 3}], found, 8)
    study = study_of(found)
    assert not fill(study, found, 6, first)
    params = run(study, found)
    assert len(params) == 6
    assert [params[0], params[1]["m"], params[2]] == [{"m": "v", "k": 3}, "u", {"m": "u", "x": 1.0}]
    assert type(params[2]["x"]) is float
    fill(study, found, 8, [*first, {"m": "u", "x": 0.5}])
    assert run(study, found)[:6] == params
    assert study.trials[6].params == {"m": "u", "x": 0.5}
    assert len(study.trials) == 8


def test_enqueued_configurations_of_an_enumerated_space_only_come_first() -> None:
    found = chain()
    study = study_of(found)
    assert fill(study, found, 10, [{"a": 3, "b": True}, {"a": 2, "b": False}])
    params = run(study, found)
    assert params[:3] == [{"a": 3, "b": True, "c": "x"}, {"a": 2, "b": False}, {"a": 1}]
    assert len(params) == 6
    assert all(combination in params for combination in found.combinations(0))


def test_trials_that_wait_take_what_is_enqueued_later() -> None:
    found = space("x=interval(0,1)", conditions={})
    study = study_of(found, 3)
    fill(study, found, 3, [{"x": 0.25}])
    assert [params["x"] == 0.25 for params in run(study, found)] == [True, False, False]


MISFITS = [
    ({"x": 2}, "enqueue[0].x` must be in 0..1, got 2"),
    ({"x": "a"}, "enqueue[0].x` must be in 0..1, got a"),
    ({"n": 1.5}, "enqueue[0].n` must be in 1..3, got 1.5"),
    ({"m": "w"}, "enqueue[0].m` must be in {u, v}, got w"),
    ({"y": 1}, "enqueue[0].y` is not searched; searched are m, x, n, k"),
    ({"m": "u", "k": 1}, "enqueue[0].k` is searched only if m=v, got m: u; take one of them out, or set both"),
    ({"k": 1}, "enqueue[0].k` is searched only if m=v, got m: none in this entry"),
    (7, "enqueue[0]` must map searched keys to values, got 7"),
]


@pytest.mark.parametrize(("entry", "message"), MISFITS, ids=[str(row[0]) for row in MISFITS])
def test_what_does_not_lie_in_the_space_is_refused(entry: Any, message: str) -> None:
    found = space("m=u,v", "x=interval(0,1)", "n=int(interval(1,3))", "k=1,2,3", conditions={"k": "m=v"})
    with pytest.raises(UserError) as caught:
        parse_enqueue([entry, {"nothing": 1}], found, 1)
    assert message in str(caught.value)
    assert len(caught.value.problems) == 3
    assert "more configurations than there are trials, got 2" in caught.value.problems[-1]


@pytest.mark.parametrize("other", [{"a": 1.0, "b": [1, {"c": None}]}, {"b": [1, {"c": None}], "a": 1}], ids=repr)
def test_equal_params_are_one_in_a_set(other: dict) -> None:
    params = {"a": 1, "b": [1, {"c": None}]}
    assert params == other
    assert len({hashable(params), hashable(other), hashable({**params, "a": "1"})}) == 2
