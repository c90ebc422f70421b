"""The `optimizer` group: a class of Keras's or of anybody's, with its arguments; looked at without importing Keras."""

import ast
import importlib.util
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from convsweep.errors import listed, unknown_keys

KERAS = "keras.optimizers."
# Ours, which take the arguments of Keras's that they are made of.
OURS = {"src.training.muon.Muon": "Muon", "src.training.schedule_free.ScheduleFreeAdamW": "ScheduleFreeAdamW"}


def check(optimizer: dict[str, Any]) -> list[str]:
    """Return what is wrong with the arguments, a line each."""
    rate = optimizer.get("learning_rate", 0.001)
    problems = []
    # A dict is a schedule with a `_target_` of its own.
    if not isinstance(rate, dict) and not (isinstance(rate, (int, float)) and math.isfinite(rate) and rate > 0):
        problems.append(
            f"`optimizer.learning_rate` must be a number above 0, got {rate}; type e.g. optimizer.learning_rate=0.001"
        )
    target = optimizer.get("_target_")
    if target is None:
        problems.append("`optimizer` must have a `_target_`, the dotted path of a class, got none; type optimizer=adam")
        return problems
    known = arguments(target)
    name = str(target).removeprefix(KERAS)
    if not known and str(target) == KERAS + name and "." not in name and (names := _names()) and name not in names:
        problems.append(f"`optimizer._target_`: Keras has no optimizer {name}; it has {listed(name, names)}")
    return problems + (unknown_keys("optimizer", optimizer, known) if known else []) + _check_averages(optimizer)


def _check_averages(optimizer: dict[str, Any]) -> list[str]:
    """Return what is wrong with the keys of the weights' moving average, which Keras's optimizers all have."""
    problems = []
    on, momentum = optimizer.get("use_ema", False), optimizer.get("ema_momentum", 0.99)
    if not isinstance(on, bool):
        problems.append(f"`optimizer.use_ema` must be true or false, got {on}; type e.g. optimizer.use_ema=true")
    if isinstance(momentum, bool) or not isinstance(momentum, int | float) or not 0 <= momentum < 1:
        problems.append(
            f"`optimizer.ema_momentum` must be at least 0 and below 1, got {momentum}; "
            "type e.g. optimizer.ema_momentum=0.99"
        )
    if on is True and str(optimizer.get("_target_")).endswith("ScheduleFreeAdamW"):
        problems.append(
            "`optimizer.use_ema` must be false with schedule-free AdamW, which averages its weights itself, got true; "
            "type e.g. optimizer.use_ema=false"
        )
    return problems


def defaults(optimizer: Mapping[str, Any]) -> list[str]:
    """Return the keys that came into the option files later and change nothing: those of an average that is off."""
    off = optimizer.get("use_ema") is False
    return [name for name in ("use_ema", "ema_momentum") if off and name in optimizer]


def arguments(target: str) -> list[str]:
    """Return the arguments of an optimizer of Keras's, read from its source; none for another class.

    Importing Keras takes seconds, and a process that only starts workers never does.
    """
    target = KERAS + OURS[target] if target in OURS else target
    name = target.removeprefix(KERAS)
    folder = _folder()
    if folder is None or target != KERAS + name:
        return []
    found = _arguments_of(folder / f"{_module(name)}.py", name)
    return found and list(dict.fromkeys(found + _arguments_of(folder / "base_optimizer.py", "BaseOptimizer")))


def _folder() -> Path | None:
    spec = importlib.util.find_spec("keras")
    places = spec.submodule_search_locations if spec else None
    folder = Path(places[0]) / "src/optimizers" if places else None
    return folder if folder and folder.is_dir() else None


def _names() -> list[str]:
    folder = _folder()
    if folder is None:
        return []
    text = _exports(folder)
    return sorted(name for name in re.findall(r"\b(\w+) as \1\b", text) if name[0].isupper())


def _module(name: str) -> str:
    """Return the module of Keras that an optimizer is in: ScheduleFreeAdamW is in schedule_free_adamw."""
    folder = _folder()
    found = re.search(
        rf"from keras\.src\.optimizers\.(\w+) import \(?\s*{re.escape(name)} as", _exports(folder) if folder else ""
    )
    return found[1] if found else name.lower()


def _exports(folder: Path) -> str:
    return (folder.parents[1] / "optimizers/__init__.py").read_text(encoding="utf-8")


def _arguments_of(path: Path, name: str) -> list[str]:
    if not path.is_file():
        return []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name == "__init__":
                    return [argument.arg for argument in method.args.args[1:] + method.args.kwonlyargs]
    return []
