"""What searched keys are called where there is little room."""

from collections.abc import Iterable


def shortened(keys: Iterable[str]) -> dict[str, str]:
    """Return each key without its group where its last part says which it is."""
    names = list(dict.fromkeys(keys))
    last = list(map(_last_part, names))
    return {name: short if last.count(short) == 1 else name for short, name in zip(last, names, strict=True)}


def _last_part(name: str) -> str:
    """Return a key's last part; a place in a list says nothing without the list's name."""
    group, dot, last = name.rpartition(".")
    return f"{_last_part(group)}.{last}" if dot and last.isdigit() else last
