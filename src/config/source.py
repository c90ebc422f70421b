"""What a Python file defines, read without running it: a function's module may import TensorFlow."""

import ast
import difflib
import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from convsweep.errors import is_installed

# What a return statement may give that is no object of a class, each in words.
LITERALS = [
    (type(None), "nothing"), (ast.Constant, "a constant"), (ast.JoinedStr, "a text"), (ast.Tuple, "a tuple"),
    (ast.List | ast.ListComp, "a list"), (ast.Dict | ast.DictComp, "a dict"), (ast.Set | ast.SetComp, "a set"),
    (ast.GeneratorExp, "a generator"), (ast.Compare, "true or false"), (ast.Lambda, "a function"),
]  # fmt: skip


class NotThere(Exception):
    """There is no such function; the message says what there is, `meant` is the path that was probably meant."""

    def __init__(self, message: str, meant: str | None = None) -> None:
        self.meant = meant
        super().__init__(message)


@dataclass(frozen=True)
class Signature:
    """The arguments of a function by their names, which of them must be given, and whether it takes any others.

    `returns` says in words what it returns where that can be seen and is no object: nothing, a tuple, a number. The
    arguments of a class are those of its `__init__`.
    """

    names: tuple[str, ...]
    required: tuple[str, ...]
    any_other: bool
    returns: str | None = None
    is_class: bool = False


def signature(path: str, folder: Path) -> Signature | None:
    """Return the arguments of the function at a dotted path, None where only running its module would tell.

    Args:
        path: As `my_package.my_module.function`.
        folder: Where modules are looked for first.

    Raises:
        NotThere: The module is not there or no Python, or defines no such name.
    """
    importlib.invalidate_caches()
    spec, rest = _find(path.split("."), [str(folder), *sys.path])
    if not rest:
        raise NotThere(f"{path} is a module: name a function in it")
    if spec.origin is None or not spec.origin.endswith(".py"):
        return None
    where = os.path.relpath(spec.origin)
    try:
        tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise NotThere(f"{where} is no Python{line}: {getattr(error, 'msg', error)}") from None
    defined = _definitions(tree.body)
    if rest == ["py"] and "py" not in defined:
        raise NotThere(f"{where} is a file: name a function in it", f"{path.removesuffix('py')}my_function")
    if rest[0] not in defined:
        if "*" in defined or "__getattr__" in defined:
            return None
        functions = [name for name, node in defined.items() if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        modules = [name for place in spec.submodule_search_locations or [] for name in _modules(place)]
        known = modules if len(rest) > 1 else functions + modules
        close = next(iter(difflib.get_close_matches(rest[0], known, 1)), None)
        found = ", ".join(known) or ("no module" if len(rest) > 1 else "no function")
        before = path.removesuffix(".".join(rest))
        raise NotThere(f"{where} has no {rest[0]}, it has {found}", close and ".".join([before + close, *rest[1:]]))
    if len(rest) == 1:
        return _arguments(defined[rest[0]])
    within = defined[rest[0]]
    method = _definitions(within.body).get(rest[1]) if isinstance(within, ast.ClassDef) else None
    if len(rest) == 2 and isinstance(method, ast.FunctionDef) and not method.decorator_list:
        raise NotThere(f"{rest[1]} is a method, of an object of {rest[0]}: name a function, or make it a @staticmethod")
    return None


def code_digest(path: str, folder: Path) -> str | None:
    """Name what the file of a function's module says, comments apart; None of an installed package or no file.

    Args: as for `signature`.
    """
    try:
        spec, _ = _find(path.split("."), [str(folder), *sys.path])
        if spec.origin is None or not spec.origin.endswith(".py") or is_installed(Path(spec.origin)):
            return None
        return hashlib.sha1(ast.dump(ast.parse(Path(spec.origin).read_bytes())).encode()).hexdigest()
    except (NotThere, SyntaxError, ValueError, OSError):
        return None


def _find(parts: list[str], places: list[str]) -> tuple[ModuleSpec, list[str]]:
    """Return the module that a path begins with, and what is left; no package is imported."""
    spec = PathFinder.find_spec(parts[0], places)
    if spec is None:
        if parts[0] in sys.builtin_module_names:
            raise NotThere(f"{parts[0]} is a part of Python")
        close = next(iter(difflib.get_close_matches(parts[0], _modules(places[0]), 1)), None)
        raise NotThere(f"there is no module {parts[0]} in {places[0]}", close and ".".join([close, *parts[1:]]))
    for i in range(1, len(parts)):
        within = spec.submodule_search_locations
        found = PathFinder.find_spec(".".join(parts[: i + 1]), list(within)) if within is not None else None
        if found is None:
            if within is not None and spec.origin is None:  # a folder without an __init__.py
                modules = [name for place in within for name in _modules(place)]
                raise NotThere(f"{'.'.join(parts[:i])} has no module {parts[i]}, it has {', '.join(modules) or 'none'}")
            return spec, parts[i:]
        spec = found
    return spec, []


def _modules(place: str) -> list[str]:
    """Return the names of the modules and packages in a folder."""
    if not os.path.isdir(place):
        return []
    return sorted(
        Path(name).stem
        for name in os.listdir(place)
        if Path(name).stem.isidentifier() and (name.endswith(".py") or os.path.isdir(os.path.join(place, name)))
        if not name.startswith("__")
    )


def _definitions(body: list[ast.stmt]) -> dict[str, ast.AST]:
    """Return what the lines of a module define, `*` for what another module's names are."""
    found: dict[str, ast.AST] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).partition(".")[0]: alias for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            named = [name for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
            found |= {name.id: name for name in named}
        else:  # what stands under an if, a try, a with
            for field in ("body", "orelse", "finalbody"):
                found |= _definitions(getattr(node, field, []))
            for handler in getattr(node, "handlers", []):
                found |= _definitions(handler.body)
    return found


def _arguments(node: ast.AST) -> Signature | None:
    if isinstance(node, ast.ClassDef):
        if not (node.bases or node.keywords or node.decorator_list or "__init__" in _definitions(node.body)):
            return Signature((), (), any_other=False, is_class=True)
        node = _definitions(node.body).get("__init__", node)
        first = 1
    else:
        first = 0
    if not isinstance(node, ast.FunctionDef) or node.decorator_list:
        return None
    given = node.args
    plain = [argument.arg for argument in [*given.posonlyargs, *given.args]]
    required = plain[: len(plain) - len(given.defaults)]
    named = [argument.arg for argument in given.kwonlyargs]
    required += [name for name, default in zip(named, given.kw_defaults, strict=True) if default is None]
    returns = _returned(node) if not first else None
    names, required = tuple([*plain, *named][first:]), tuple(required[first:])
    return Signature(names, required, given.kwarg is not None, returns, is_class=bool(first))


def _returned(function: ast.FunctionDef) -> str | None:
    """Return what each way out of a function gives, in words, as far as it is a literal; None for anything else."""
    own = list(_own(function))
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in own):
        return "a generator"
    given = [node.value for node in own if isinstance(node, ast.Return)]
    given = [None if isinstance(value, ast.Constant) and value.value is None else value for value in given]
    if not given:
        return None if isinstance(function.body[-1], ast.Raise) else "nothing"
    words = [next((word for kind, word in LITERALS if isinstance(value, kind)), None) for value in given]
    return words[0] if None not in words else None


def _own(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Yield what stands in a function's body, without that of functions and classes in it."""
    left: list[ast.AST] = list(function.body)
    while left:
        node = left.pop(0)
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            left += ast.iter_child_nodes(node)
