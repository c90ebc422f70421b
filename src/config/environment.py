import os
import re

PASSWORD = re.compile(r"://[^/@]*:[^/@]+@")


def of(*names: str) -> dict[str, str]:
    """Return those of the environment's variables that are set, but for addresses with a password in them."""
    known = {name: os.environ.get(name, "") for name in names}
    return {name: value for name, value in known.items() if value and not PASSWORD.search(value)}
