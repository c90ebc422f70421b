"""What is wrong with values under `hydra.sweeper` is said in a line each."""

from pathlib import Path

import pytest

from tests.helpers.command import toy


@pytest.mark.parametrize("part", ["scheduler=asha", "sampler=tpe", "pruner=median"])
def test_an_option_that_is_typed_as_a_value_is_refused_with_what_to_type(tmp_path: Path, part: str) -> None:
    done = toy(tmp_path, "x=1,2", f"hydra.sweeper.{part}")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.endswith(f"type hydra/sweeper/{part}")
