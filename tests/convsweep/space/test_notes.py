"""What was typed and may not have been meant so is said: in the space's notes, which the plan prints."""

from pathlib import Path
from typing import Any

import pytest

from convsweep.space.grammar import parse
from tests.helpers.command import toy

NOTES: list[tuple[list[str], dict[str, Any], str]] = [
    (["x=0.1,0.1,0.1"], {}, "`x=0.1,0.1,0.1`: equal values are one; to run each configuration 3 times, add '+repeat=r"),
    (["x=choice(a,b,a)"], {}, "add '+repeat=range(2)'"),
    (["x=8,16", "x=32"], {}, "`x=8,16` gives way to `x=32`, which comes later"),
    (["+x=8,16", "++x=1,2"], {}, "`+x=8,16` gives way to `++x=1,2`"),
    ([], {"x": 'choice("[128, 32]", "[64]")'}, "in quotes [128, 32], [64] are texts; for a list type [128, 32] with"),
    ([], {"x": "'1',a"}, "in quotes 1 is a text; for a number type 1 without them"),
    ([], {"x": 'choice("true", "false")'}, "for a truth value type true"),
    (["x='null','{a:1}'"], {}, "for a null type null"),
]


@pytest.mark.parametrize(("typed", "params", "message"), NOTES, ids=[" ".join(row[0]) or str(row[1]) for row in NOTES])
def test_what_may_not_have_been_meant_so_is_said(typed: list[str], params: dict[str, Any], message: str) -> None:
    (note,) = parse(typed, params).notes
    assert message in note


@pytest.mark.parametrize("typed", [["x=1,2"], ["x=1", "x=2"], ["x=1", "x=2,3"], ["x='a b','c'"], ["x=interval(0,1)"]])
def test_what_is_plain_needs_no_note(typed: list[str]) -> None:
    assert parse(typed, {"x": "3,4", "y": 5}).notes == []


def test_the_plan_says_it(tmp_path: Path) -> None:
    done = toy(tmp_path, "x=1,1", "y=3,4", "y=5")
    assert done.returncode == 0, done.stderr
    notes = [line for line in done.stdout.splitlines() if line.startswith("note    ")]
    assert len(notes) == 2
