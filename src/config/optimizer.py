"""The `optimizer` group: a class of Keras's or of anybody's, with its arguments; looked at without importing Keras."""

import ast
import importlib.util
import math
import re
from pathlib import Path
from typing import Any

from convsweep.errors import listed, unknown_keys

KERAS = "keras.optimizers."


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
    return problems + (unknown_keys("optimizer", optimizer, known) if known else [])


def arguments(target: str) -> list[str]:
    """Return the arguments of an optimizer of Keras's, read from its source; none for another class.

    Importing Keras takes seconds, and a process that only starts workers never does.
    """
    name = target.removeprefix(KERAS)
    folder = _folder()
    if folder is None or target != KERAS + name:
        return []
    found = _arguments_of(folder / f"{name.lower()}.py", name)
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
    text = (folder.parents[1] / "optimizers/__init__.py").read_text(encoding="utf-8")
    return sorted(name for name in re.findall(r"\b(\w+) as \1\b", text) if name[0].isupper())


def _arguments_of(path: Path, name: str) -> list[str]:
    if not path.is_file():
        return []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name == "__init__":
                    return [argument.arg for argument in method.args.args[1:] + method.args.kwonlyargs]
    return []
