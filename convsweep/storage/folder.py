"""The folder that a study of some name is kept in."""

import hashlib
import re

LONGEST = 200  # bytes; file systems take 255, and a lock's name is longer


def folder_name(name: str) -> str:
    """Return a name for a study's folder: its own where that is one, else what is left of it, and a hash.

    The hash keeps apart what differs in a slash alone.
    """
    if re.fullmatch(r"\w[\w.@+ -]*", name) and len(name.encode()) <= LONGEST:
        return name
    plain = re.sub(r"[^\w.@+-]+", "_", name, flags=re.ASCII).strip("._")[:80]
    return "-".join(filter(None, [plain, hashlib.sha256(name.encode()).hexdigest()[:8]]))
