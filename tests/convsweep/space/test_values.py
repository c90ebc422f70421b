"""A value survives as an override."""

from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from convsweep.space.values import as_override_value, equal, hashable

VALUES = [1, -2, 1.5, 1e-05, 1e20, True, None, "a", "1", "true", "null", "a b", "a,b", "it's", "a=b", "", "a'\"b", "\\",
          "C:\\new\\", [1, "2", None], {"a": [1, {"b": "x y"}]}, "${y}", "x:y", "[a", "-", "é"]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_survives_as_an_override(value: Any) -> None:
    parsed = OverridesParser.create().parse_override(f"x={as_override_value(value)}").value()
    assert (type(parsed), parsed) == (type(value), value)


SAME = [(1, 1.0), (float("nan"), -float("nan")), (0.0, -0.0), ([1, float("nan")], (1.0, float("nan"))), (None, None),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1})]  # fmt: skip
OTHER = [(1, True), (0, False), ("1", 1), (float("nan"), None), (float("nan"), "nan"), (float("inf"), -float("inf")),
         ([1], [True]), ({"a": 1}, {"a": True}), (None, False), (None, 0)]  # fmt: skip


@pytest.mark.parametrize(("value", "other"), SAME)
def test_the_same_to_hydra(value: Any, other: Any) -> None:
    assert equal(value, other)
    assert len({hashable(value), hashable(other)}) == 1


@pytest.mark.parametrize(("value", "other"), OTHER)
def test_another_one_to_hydra(value: Any, other: Any) -> None:
    assert not equal(value, other)
    assert len({hashable(value), hashable(other)}) == 2
