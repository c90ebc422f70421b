"""What configs for the official Optuna sweeper say in other words than this one's: what to write instead."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from convsweep.space.values import as_override_value

KEY = "search_space"  # of version 1.1, beside `params`


def refuse_search_space(given: Any) -> str:
    """Say how `hydra.sweeper.search_space` is written under `params`."""
    texts = {name: text for name, entry in _entries(given) if (text := _as_sweep(entry))}
    lines = [f"{name}: {_in_yaml(text)}" for name, text in (texts or {"x": "interval(0.0, 1.0)"}).items()]
    return f"`hydra.sweeper.{KEY}` is no key, as in later official sweepers; write under params: {'; '.join(lines)}"


def refuse_storage(given: Any) -> str:
    """Say how a storage object is written as an address, with its own one where it has one."""
    entries = given if isinstance(given, Mapping) else {}
    address = next(_addresses(entries), None)
    instead = (
        re.sub("(://[^:/@]*):[^@]*@", r"\1@", address) if address else "null, which is a journal file"
    )  # no password
    got = entries.get("_target_", "a mapping" if entries else given)
    return (
        f"`hydra.sweeper.storage` must be a path or an address, which each worker opens for itself, got {got}; type "
        f"hydra.sweeper.storage={instead}"
    )


def _in_yaml(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _entries(given: Any, prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each searched key's entry; `search_space.a.b=...` on the command line makes a mapping in one."""
    for name, entry in given.items() if isinstance(given, Mapping) else ():
        if isinstance(entry, Mapping) and "type" not in entry:
            yield from _entries(entry, f"{prefix}{name}.")
        elif isinstance(entry, Mapping):
            yield f"{prefix}{name}", entry


def _as_sweep(entry: Mapping[str, Any]) -> str | None:
    low, high, step = entry.get("low"), entry.get("high"), entry.get("step")
    match entry["type"]:
        case "categorical" if entry.get("choices"):
            return ",".join(map(as_override_value, entry["choices"]))
        case "int" if isinstance(low, int) and isinstance(high, int):
            if entry.get("log"):
                return f"tag(log, int(interval({low}, {high})))"
            return f"range({low}, {high + 1}{f', {step}' if step not in (None, 1) else ''})"
        case "float" if low is not None and high is not None:
            if step is not None:
                return f"range({low}, {high + step}, {step})"
            return f"tag(log, interval({low}, {high}))" if entry.get("log") else f"interval({low}, {high})"
    return None


def _addresses(given: Mapping[str, Any]) -> Iterator[str]:
    for name, value in given.items():
        if isinstance(value, Mapping):
            yield from _addresses(value)
        elif name in ("url", "file_path") and value:
            yield str(value)
