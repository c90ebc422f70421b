"""Commands that are started outside the environment: one line says what to type."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = sorted(f"src.{path.stem}" for path in (ROOT / "src").glob("*.py") if "__main__" in path.read_text())


def outside(*arguments: str) -> str:
    """Run a Python that has nothing but its own library, and return the one line that it says."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    # -S: without the environment's packages
    command = [sys.executable, "-S", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    return line


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*/*.py")), ids=lambda path: path.parent.name)
def test_an_example_outside_the_environment_does_so_too(example: Path) -> None:
    line = outside(str(example), "-m", "x=1,2")
    assert line.startswith("error: No module named 'hydra'; type in the checkout: make venv && . .venv/bin/activate")


@pytest.mark.parametrize("command", [*COMMANDS, "benchmarks.noop", "benchmarks.peers"])
def test_a_command_outside_the_environment_says_in_a_line_what_to_type(command: str) -> None:
    line = outside("-m", command, "--help")
    assert line.startswith("error: ")
    assert "has no package " in line
    assert "make " in line or ". .venv/bin/activate" in line
