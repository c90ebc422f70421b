"""A value survives as an override."""

from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from convsweep.space.values import as_override_value

VALUES = [1, -2, 1.5, 1e-05, 1e20, True, None, "a", "1", "true", "null", "a b", "a,b", "it's", "a=b", "", "a'\"b", "\\",
          "C:\\new\\", [1, "2", None], {"a": [1, {"b": "x y"}]}, "${y}", "x:y", "[a", "-", "é"]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_survives_as_an_override(value: Any) -> None:
    parsed = OverridesParser.create().parse_override(f"x={as_override_value(value)}").value()
    assert (type(parsed), parsed) == (type(value), value)
