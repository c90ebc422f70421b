"""Keep a network with the code of its own layers, and make sure that both can be read back."""

from __future__ import annotations

import ast
import json
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from convsweep.errors import is_installed
from src.config.model import Custom
from src.model.own_code import CODE, MODULES, forgiving, load_model, named, names_of
from src.model.own_code import known as kept_in

if TYPE_CHECKING:
    import keras

PROJECT = ("src", "convsweep", "hydra_plugins")
KNOWN = (*PROJECT, "keras", "builtins")  # whose classes any reader of a model has
TOLERANCE = 1e-3  # of a probability, in half precision
SHADES = (1, 4, 16, 64)  # that the images which two networks are compared by are divided by
CODING = re.compile(r"\A((?:[^\n]*\n)?[ \t\f]*#[^\n]*?coding[:=][ \t]*)[-\w.]+")  # in the first two lines of a file
ANSI = re.compile(r"\x1b\[[0-9;]*m")
IN_A_CALL = re.compile(r"\A'?Exception encountered when calling (.*?)\.\n\n")
LAMBDA = "Could not interpret activation function identifier: {'value': "
KERAS_SAYS = (NotImplementedError, TypeError, ValueError, RuntimeError, AttributeError)  # of what it cannot save


class NotKept(ValueError):
    """A network that Keras cannot save or read back, or whose code cannot be read; the message says why."""


class Code(NamedTuple):
    """What the layers of a network of one's own are made of.

    Attributes:
        modules: Where its classes and functions are looked for.
        files: Their content by path, as far as they are no installed packages.
        packages: Which installed ones they import, by the names that pip knows.
    """

    modules: list[str]
    files: dict[str, str]
    packages: list[str]

    def __or__(self, other: Code) -> Code:  # pyright: ignore[reportIncompatibleMethodOverride]
        if differ := [name for name, text in other.files.items() if self.files.get(name, text) != text]:
            raise NotKept(
                f"its members have been trained with different versions of {', '.join(differ)}: train them again with "
                "one of these"
            )
        modules, packages = [*self.modules, *other.modules], [*self.packages, *other.packages]
        return Code(list(dict.fromkeys(modules)), self.files | other.files, list(dict.fromkeys(packages)))


def code_of(config: object, network: keras.Model) -> Code | None:
    """Return the code of a network that has just been built; None where it is not one of one's own.

    Raises:
        NotKept: A file has been changed since, and cannot be read.
    """
    if not isinstance(config, Custom):
        return None
    roots = list(dict.fromkeys([_root(config.build), *(kind.__module__ for kind in own_kinds(network))]))
    files: dict[str, str] = {}
    own, others = _reached(roots)
    for name in own:
        module = sys.modules[name]
        path = name.replace(".", "/")
        is_package = Path(str(module.__file__)).name == "__init__.py"
        files[f"{path}/__init__.py" if is_package else f"{path}.py"] = _source(module)[0]
    return Code(roots, files, _packages(others))


def read_code(folder: Path) -> Code | None:
    """Return the code that was kept in a folder; None where none was, or files elsewhere are named."""
    try:
        kept = json.loads((folder / MODULES).read_text())
        files = {name: (folder / CODE / name).read_text(encoding="utf-8") for name in names_of(kept)}
        return Code(kept["modules"], files, kept["packages"])
    except (OSError, ValueError, KeyError):
        return None


def files_of(code: Code | None) -> dict[str, str]:
    """Return the contents of the files that are kept beside a model, by path."""
    if code is None:
        return {}
    own = {f"{CODE}/{name}": text for name, text in code.files.items()}
    return {MODULES: json.dumps(code._asdict() | {"files": list(code.files)}, indent=2), **own}


@contextmanager
def known(code: Code | None, network: keras.Model, folder: Path | None = None) -> Iterator[None]:
    """Let Keras know the classes and functions of a network of one's own, to copy it.

    Args:
        code: The network's; None where it is not one of one's own.
        network: The network.
        folder: Where it was loaded from; None where it has been built in this process.

    Raises:
        NotKept: Keras says that there cannot be a copy.
    """
    if code is None:
        yield
        return
    try:
        modules = [sys.modules[name] for name in code.modules if name in sys.modules]
        with forgiving(own_kinds(network)), kept_in(folder) if folder is not None else named(modules):
            yield
    except KERAS_SAYS as error:
        raise _not_kept(in_words(error), network) from error


def own_kinds(network: keras.Model) -> list[type]:
    """Return the classes of its layers that are one's own."""
    kinds = dict.fromkeys(type(layer) for layer in network._flatten_layers())
    return [kind for kind in kinds if kind.__module__.partition(".")[0] not in KNOWN]


def check_copy(code: Code | None, network: keras.Model, copy: keras.Model) -> None:
    """Raise where a copy of a network of one's own, made while it is `known`, is another one: Keras copies configs.

    Raises:
        ValueError: It answers otherwise.
    """
    if code is not None and (problem := _difference(network, copy, "copied")):
        raise ValueError(problem)


def save(network: keras.Model, file: Path, code: Code | None, beside: Path | None = None) -> None:
    """Save a network, with its code if it cannot be read without.

    Args:
        network: What is to be saved.
        file: Where to.
        code: That of a network of one's own; what is saved then is read back, and must answer as the network does.
        beside: The folder for its code; the file's own by default.

    Raises:
        NotKept: It cannot be saved, or read back; nothing is left.
        OSError: The folder cannot be written to.
    """
    folder = beside or file.parent
    file.parent.mkdir(parents=True, exist_ok=True)
    forget(folder)
    if code is None:
        network.save(file)
        return
    try:
        with forgiving(own_kinds(network)):
            network.save(file)
        if problem := _problem(network, file, folder):
            _write(code, folder)
            problem = _problem(network, file, folder)
    except KERAS_SAYS as error:
        problem = in_words(error)
    if problem:
        file.unlink(missing_ok=True)
        forget(folder)
        raise _not_kept(problem, network)


def in_words(error: Exception) -> str:
    """Return what Keras says of a class that it cannot save or read, without the config that it quotes."""
    said = ANSI.sub("", str(error)).rpartition("Exception encountered: ")[2].rpartition("Error encountered:")[2]
    said = IN_A_CALL.sub(r"\1: ", said.lstrip())
    if LAMBDA in said:
        return "Keras cannot read an activation that is a lambda: make it a function at the top of its module"
    for end in ("Example:", "Full object config:", "config={", "To reconstruct", "\n\n"):
        said = said.partition(end)[0]
    return " ".join(said.split())[:300] or type(error).__name__


def _problem(network: keras.Model, file: Path, folder: Path) -> str | None:
    """Say why a saved model, as another process would read it, is not the same; None if it is."""
    import keras

    registered = keras.saving.get_custom_objects()
    here = dict(registered)
    registered.clear()  # another process knows nothing of what was imported here
    try:
        again = load_model(file, folder)
    except Exception as error:  # Keras raises nearly anything, and so may the code
        return in_words(error)
    finally:
        registered.clear()
        registered.update(here)
    return _difference(network, again, "read back")


def _difference(network: keras.Model, again: keras.Model, how: str) -> str | None:
    """Say that a network and what was made of it answer otherwise, and what may be why; None if they do not."""
    import keras

    # Also dark images: of pixels that a network is not made for it may be as sure as can be, whatever else is wrong.
    noise = np.random.default_rng(0).integers(0, 256, (2 * len(SHADES), *network.input_shape[1:]), np.uint8)
    noise //= np.repeat(SHADES, 2).astype(np.uint8).reshape(-1, *(1 for _ in network.input_shape[1:]))
    one, same, read = (np.asarray(keras.ops.convert_to_numpy(model(noise))) for model in (network, network, again))
    if not np.array_equal(one, same, equal_nan=True) or np.allclose(one, read, atol=TOLERANCE, equal_nan=True):
        return None
    from src.model.held import differing

    said = f"it answers otherwise when it is {how}"
    if (what := differing(network, again)) is None:
        return said
    return f"{said}: {what} is not in get_config; make a number an argument of __init__, an array a weight (add_weight)"


def _not_kept(problem: str, network: keras.Model) -> NotKept:
    """Say why, and name a class that nobody can import."""
    classes = [type(layer) for layer in network._flatten_layers()]
    inside = next((cls for cls in classes if "<locals>" in cls.__qualname__), None)
    if inside is None:
        return NotKept(problem)
    return NotKept(f"{inside.__name__} is defined within a function: define it at the top of {inside.__module__}")


def _write(code: Code, folder: Path) -> None:
    for name, text in files_of(code).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def forget(folder: Path) -> None:
    """Remove the code of a model that was kept there before; `code` may hold other files."""
    old = read_code(folder)
    (folder / MODULES).unlink(missing_ok=True)
    for name in old.files if old is not None else ():
        (folder / CODE / name).unlink(missing_ok=True)
        for above in (folder / CODE / name).parents:
            if above == folder or any(above.iterdir()):
                break
            above.rmdir()


def _root(build: str) -> str:
    """Return the module of a function that has been called."""
    parts = build.split(".")
    names = (".".join(parts[:count]) for count in range(len(parts) - 1, 0, -1))
    return next((name for name in names if name in sys.modules), parts[0])


def _reached(roots: Iterable[str]) -> tuple[list[str], set[str]]:
    """Return the modules of one's own that some import, themselves among them, with the packages that they are in; and
    the packages of others.
    """
    found: list[str] = []
    others: set[str] = set()
    left = list(roots)
    while left:
        name = left.pop()
        module = sys.modules.get(name)
        if name in found or module is None:
            continue
        if not _is_own(name, module):
            others.add(name.partition(".")[0])
            continue
        found.append(name)
        left += [name.rsplit(".", depth)[0] for depth in range(1, name.count(".") + 1)]
        left += _imports(name, module)
    return sorted(found), others


def _packages(modules: set[str]) -> list[str]:
    """Return what is to be installed for some modules, beside Keras and what it needs."""
    from importlib.metadata import packages_distributions

    left = modules - sys.stdlib_module_names - {*KNOWN, "numpy", "tensorflow", "PIL", "simplejpeg"}
    if not left:
        return []
    try:
        known = packages_distributions()
    except OSError:  # one that is installed has no metadata: most packages are called as their module
        known = {module: [module] for module in left}
    return sorted({name for module in left for name in known.get(module, [])})


def _is_own(name: str, module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    if name.partition(".")[0] in KNOWN or not file or not file.endswith(".py"):
        return False
    return not is_installed(Path(file))


def _imports(name: str, module: ModuleType) -> Iterator[str]:
    """Yield what may be the names of modules that a module imports, at its top or inside of functions."""
    package = name if hasattr(module, "__path__") else name.rpartition(".")[0]
    for node in ast.walk(_source(module)[1]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            start = ".".join(filter(None, (above, node.module)))
            yield start
            yield from (f"{start}.{alias.name}" for alias in node.names)


def _source(module: ModuleType) -> tuple[str, ast.Module]:
    """Return the text of a module's file, as it is kept in UTF-8, and what it says.

    Raises:
        NotKept: It has been changed since it was imported, and cannot be read: half saved, or moved.
    """
    file = str(module.__file__)
    try:
        with tokenize.open(file) as opened:
            text = opened.read()
            if opened.encoding != "utf-8":
                text = CODING.sub(r"\1utf-8", text)
        return text, ast.parse(text, file)
    except (OSError, SyntaxError, ValueError) as error:
        raise NotKept(f"its code cannot be read, {file}: {error}") from error
