"""Read a saved model together with the code of its own layers, whose files were kept beside it.

A copy of this file lies beside each kept model, which is served where this project is not: it imports nothing of it.
"""

import builtins
import importlib
import inspect
import json
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import find_spec, resolve_name
from itertools import takewhile
from pathlib import Path, PurePosixPath
from types import FunctionType, ModuleType
from typing import Any

# Beside a model: which modules it needs, and a folder with the files of those that are no installed package.
MODULES, CODE = "custom_objects.json", "code"
BASE = ("name", "trainable", "dtype")  # what every layer's config has


def load_model(file: Path, beside: Path | None = None) -> Any:
    """Return a saved model, not compiled.

    Args:
        file: What Keras has saved.
        beside: The folder where its code was kept; by default the file's own, or the one above.

    Raises:
        Exception: It cannot be read; Keras raises nearly anything, and so may the code.
    """
    import keras

    folder = beside or folder_of(file)
    own = (folder / MODULES).is_file()
    with known(folder):
        return keras.saving.load_model(file, compile=False, safe_mode=not own)


def folder_of(file: Path) -> Path:
    """Return the folder where the code of a model's file was kept; the file's own where there is none.

    It is above that of the file, in MLflow's layout alone: of any other folder who knows who writes to the one above.
    """
    own, above = file.parent, file.parent.parent
    return above if own.name == "data" and not (own / MODULES).is_file() and (above / MODULES).is_file() else own


def names_of(kept: Any) -> list[str]:
    """Return the names of the files of code that were kept.

    Raises:
        ValueError: They are not what is written beside a model: none of them is to be read, run or removed.
    """
    files = kept.get("files") if isinstance(kept, dict) else None
    for name in files if isinstance(files, list) else [files]:
        path = PurePosixPath(name) if isinstance(name, str) else None
        if path is None or path.is_absolute() or ".." in path.parts or path.suffix != ".py":
            raise ValueError(f"{MODULES}: expected files of Python below {CODE}/, got {name!r}")
    return list(files or [])


@contextmanager
def known(folder: Path) -> Iterator[None]:
    """Let Keras know the classes and functions whose code was kept in a folder, if any was."""
    file = folder / MODULES
    if not file.is_file():
        yield
        return
    with settings_kept():
        modules = _imported(folder, json.loads(file.read_text()))
    with named(modules):
        yield


@contextmanager
def settings_kept() -> Iterator[None]:
    """Put Keras's own settings back as they were, which code of one's own may change as it is imported."""
    import keras

    policy, floats, layout = keras.config.dtype_policy(), keras.config.floatx(), keras.config.image_data_format()
    try:
        yield
    finally:
        keras.config.set_floatx(floats)
        keras.config.set_image_data_format(layout)
        keras.config.set_dtype_policy(policy)


@contextmanager
def named(modules: list[ModuleType]) -> Iterator[None]:
    """Let Keras know the classes and functions of some modules by their names; who runs code of one's own does not
    refuse its lambdas.
    """
    import keras
    from keras.src.saving.serialization_lib import SafeModeScope
    from keras.src.utils import python_utils

    objects = objects_of(modules)
    loading = {"func_load": _loading(python_utils.func_load, modules)}
    with (
        forgiving(kind for kind in objects.values() if isinstance(kind, type) and issubclass(kind, keras.Layer)),
        _patched(python_utils, loading),
        keras.saving.custom_object_scope(objects),
        SafeModeScope(False),
    ):
        yield


@contextmanager
def forgiving(kinds: Iterable[type]) -> Iterator[None]:
    """Let layers of some classes be saved and read that are written as many are."""
    patches = {
        kind: _forgiving(kind) for kind in set(kinds)
    }  # all of them before a class is patched that others extend
    with ExitStack() as stack:
        for kind, methods in patches.items():
            stack.enter_context(_patched(kind, methods))
        yield


@contextmanager
def _patched(kind: Any, methods: dict[str, Any]) -> Iterator[None]:
    before = {name: vars(kind)[name] for name in methods if name in vars(kind)}
    for name, method in methods.items():
        setattr(kind, name, method)
    try:
        yield
    finally:
        for name in methods:
            if name in before:
                setattr(kind, name, before[name])
            else:
                delattr(kind, name)


def _loading(load: Any, modules: list[ModuleType]) -> Any:
    """Return what loads a lambda as Keras does, and finds the names that its module has: `ops`, or a function there."""

    def likeness(module: ModuleType, file: str) -> int:
        pairs = zip(reversed(Path(file).parts), reversed(Path(str(module.__file__)).parts), strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    def func_load(*given: Any, **more: Any) -> Any:
        made = load(*given, **more)
        scopes = {likeness(module, made.__code__.co_filename): vars(module) for module in modules}
        if not max(scopes, default=0):
            return made
        return FunctionType(made.__code__, scopes[max(scopes)], made.__name__, made.__defaults__, made.__closure__)

    return func_load


def _forgiving(kind: Any) -> dict[str, Any]:
    """Return methods to take the place of a layer's own.

    Its `__init__` need not take the `name` that Keras gives it as it is read; its `get_config` may leave out what Keras
    itself remembers that it was given; and the layers in it compute in its precision, not in that of who reads it.
    """
    read, build, say = kind.from_config, kind.build_from_config, kind.get_config
    takes = inspect.signature(kind.__init__).parameters
    makes_itself = not _is_keras_own(kind, "from_config")
    takes_any = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in takes.values())

    def from_config(cls: Any, config: dict[str, Any], **more: Any) -> Any:
        # The config of a functional model is not for its `__init__`.
        base = () if makes_itself or takes_any or "layers" in config else BASE
        apart = {name: config[name] for name in base if name in config and name not in takes}
        with _policy(config.get("dtype")):
            made = read.__func__(cls, {name: value for name, value in config.items() if name not in apart}, **more)
        for name, value in apart.items():
            given = _known_policy(value) if name == "dtype" else value
            attribute = "dtype_policy" if name == "dtype" else name
            if (
                getattr(made, attribute) != given
            ):  # what is trainable passes on to the layers in it, frozen ones as well
                setattr(made, attribute, given)
        return made

    def build_from_config(self: Any, config: Any) -> None:
        with _policy(self.dtype_policy), warnings.catch_warnings():
            # What it has built is compared before it is kept.
            warnings.filterwarnings("ignore", message=r"`build\(\)` was called on layer")
            build(self, config)

    def get_config(self: Any) -> dict[str, Any]:
        remembered = getattr(getattr(self, "_auto_config", None), "config", {})
        return {name: value for name, value in remembered.items() if name in takes} | say(self)

    methods: dict[str, Any] = {"from_config": classmethod(from_config), "build_from_config": build_from_config}
    # Without one of its own Keras says all that it remembers, and knows it by the method.
    return methods if makes_itself or _is_keras_own(kind, "get_config") else methods | {"get_config": get_config}


def _is_keras_own(kind: type, method: str) -> bool:
    definer = next(base for base in kind.__mro__ if method in vars(base))
    return definer.__module__.partition(".")[0] == "keras"


@contextmanager
def _policy(given: Any) -> Iterator[None]:
    """Let layers compute in a precision, if one is given, that do not say themselves in which they do."""
    import keras

    before, policy = keras.config.dtype_policy(), _known_policy(given)
    if isinstance(policy, str) or (type(policy) is keras.DTypePolicy):  # that of a quantized layer is its own
        keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _known_policy(given: Any) -> Any:
    import keras

    return keras.dtype_policies.deserialize(given) if isinstance(given, dict) else given


def objects_of(modules: list[ModuleType]) -> dict[str, Any]:
    """Return what a saved model may name of some modules: their classes of Keras's kinds, and their functions."""
    import keras

    kinds = (
        keras.Layer, keras.initializers.Initializer, keras.regularizers.Regularizer, keras.constraints.Constraint,
        keras.losses.Loss, keras.metrics.Metric, keras.optimizers.Optimizer, keras.Quantizer,
    )  # fmt: skip
    builtin = (keras.activations, keras.initializers, keras.regularizers, keras.losses, keras.metrics)
    found: dict[str, Any] = {}
    for name, value in ((name, value) for module in modules for name, value in vars(module).items()):
        if str(getattr(value, "__module__", "")).partition(".")[0] == "keras":
            continue
        # By a function's name alone Keras finds its own first.
        is_function = isinstance(value, FunctionType) and not any(hasattr(module, name) for module in builtin)
        if is_function or (isinstance(value, type) and issubclass(value, kinds)):
            found |= {value.__name__: value, keras.saving.get_registered_name(value): value}
    return found


def _imported(folder: Path, kept: dict[str, list[str]]) -> list[ModuleType]:
    """Import the modules, their files from the folder; others of the same names stay as they are in this process."""
    code, bytecode = str((folder / CODE).absolute()), sys.dont_write_bytecode
    own = [module_of(file) for file in names_of(kept)]
    around = {name.rsplit(".", depth)[0] for name in own for depth in range(name.count(".") + 1)}
    others = {name: sys.modules.pop(name) for name in around if name in sys.modules}
    # A function may raise its Infeasible; what was trained does not.
    if "convsweep" not in sys.modules and find_spec("convsweep") is None:
        sys.modules["convsweep"] = stub = ModuleType("convsweep")
        vars(stub)["Infeasible"] = type("Infeasible", (Exception,), {})
    finder = _Finder(code)
    sys.meta_path.insert(0, finder)
    sys.path.insert(0, code)
    sys.dont_write_bytecode = True  # beside a kept model
    importlib.invalidate_caches()
    try:
        modules = [importlib.import_module(name) for name in dict.fromkeys([*kept["modules"], *own])]
        finder.modules.update({name: sys.modules[name] for name in around if name in sys.modules})
        return modules
    finally:
        sys.meta_path.remove(finder)
        sys.dont_write_bytecode = bytecode
        sys.path.remove(code)
        if code not in sys.path:
            sys.path.append(code)  # for what a call imports by a name that it makes up
        for name in around:
            sys.modules.pop(name, None)
        sys.modules.update(others)


class _Finder:
    """Finds the modules in a folder; what they import within a call is of that folder as well.

    By then these modules are no more in `sys.modules`, where others of their names may be: those of another model.

    Attributes:
        modules: Those that have been imported, by name.
    """

    def __init__(self, folder: str) -> None:
        self.modules: dict[str, ModuleType] = {}
        self._folder = folder

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or not isinstance(spec.loader, SourceFileLoader) or not spec.origin:
            return None
        if not Path(spec.origin).is_relative_to(self._folder):
            return None
        spec.loader = _Loader(spec.loader.name, spec.loader.path, self._import)
        return spec

    def _import(self, name: str, scope: Any = None, local: Any = None, names: Any = (), level: int = 0) -> Any:
        """Import as `builtins.__import__` does."""
        full = resolve_name("." * level + name, scope["__package__"]) if level else name
        module = self.modules.get(full)
        if module is None or not all(name == "*" or hasattr(module, name) for name in names or ()):
            return builtins.__import__(name, scope, local, names, level)
        return module if names else self.modules[full.partition(".")[0]]


class _Loader(SourceFileLoader):
    """Loads a module whose import statements call a function."""

    def __init__(self, name: str, path: str, function: Any) -> None:
        super().__init__(name, path)
        self._function = function

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": self._function}
        super().exec_module(module)


def module_of(file: str) -> str:
    """Return the name of the module in a file of the folder."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
