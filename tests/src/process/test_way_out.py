"""A process of the application ends without a search for garbage."""

import subprocess
import sys

from tests.helpers.command import ROOT


def test_nothing_is_left_to_be_looked_through_at_the_end() -> None:
    code = (
        "import atexit, gc\n"
        "atexit.register(lambda: print('frozen', gc.get_freeze_count() > 1000, len(gc.get_objects()) < 100))\n"
        "fresh = gc.get_freeze_count()\n"  # Python 3.12 freezes some objects by itself
        "import src\n"
        "print('before', gc.get_freeze_count() - fresh)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split("\n")[:2] == ["before 0", "frozen True True"]
