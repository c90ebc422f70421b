"""What searched keys are called where there is little room."""

from collections.abc import Iterable


def shortened(keys: Iterable[str]) -> dict[str, str]:
    """Return each key without its group where its last part says which it is."""
    names = list(dict.fromkeys(keys))
    last = [name.rpartition(".")[2] for name in names]
    return {name: short if last.count(short) == 1 else name for short, name in zip(last, names, strict=True)}
