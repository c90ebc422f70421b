"""Tests end what they start: also what left the group, and when they fail."""

from pathlib import Path

import pytest

from tests.helpers import command

CHILD = """
import subprocess, sys
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True).pid, flush=True)
"""


def test_what_a_failed_test_started_ends_with_all_that_it_started(tmp_path: Path) -> None:
    started = []

    def fails() -> None:
        with command.ending():
            started.append(command.start(["-c", f"{CHILD}\nimport time; time.sleep(600)"], tmp_path))
            started.append(int(started[0].stdout.readline()))
            raise AssertionError

    with pytest.raises(AssertionError):
        fails()
    process, child = started
    assert process.wait() < 0
    assert not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]
    process.communicate()


def test_a_condition_that_never_holds_ends_the_wait() -> None:
    with pytest.raises(AssertionError, match="not within"):
        command.wait_until(lambda: False, 0.2)
