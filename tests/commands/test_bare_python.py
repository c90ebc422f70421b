"""Commands that are started outside the environment: one line says what to type."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = sorted(f"src.{path.stem}" for path in (ROOT / "src").glob("*.py") if "__main__" in path.read_text())


@pytest.mark.parametrize("command", [*COMMANDS, "benchmarks.noop", "benchmarks.peers"])
def test_a_command_outside_the_environment_says_in_a_line_what_to_type(command: str) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        # -S: without the environment's packages
        [sys.executable, "-S", "-m", command, "--help"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert "has no package " in line
    assert "make " in line or ". .venv/bin/activate" in line
