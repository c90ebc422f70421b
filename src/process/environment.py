"""What an engine hands on to workers elsewhere."""

import os
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECRET = re.compile(r"://.*@|[?&]password=")  # who logs in, and perhaps with which password


def for_workers(*names: str) -> dict[str, str]:
    """Return what an engine must hand on to workers that it starts elsewhere: where this project is, and settings.

    Args:
        names: Of the variables to hand on where they are set, but for addresses with a user or a password in them.
    """
    known = {name: os.environ.get(name, "") for name in names}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {"PYTHONPATH": path} | {n: value for n, value in known.items() if value and not SECRET.search(value)}
