"""What layers of one's own hold beside their configs and variables: a graph that was traced has it as constants.

A layer may draw a projection or a permutation with NumPy while it is built, by the trial's seed: another trial's graph
has other numbers, and its config does not say so.
"""

from __future__ import annotations

import functools
import hashlib
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import keras
import numpy as np

DEPTH = 8  # of objects within objects that are looked at


class _Unknown(Exception):
    """A value of which nobody can tell whether another one is the same."""


def held(model: keras.Model) -> list[Any] | None:
    """Say what a network's layers hold that are not Keras's, as JSON has it; None where nobody knows."""
    try:
        return [[type(layer).__qualname__, _said(_own(layer), DEPTH)] for layer in _layers(model)]
    except _Unknown:
        return None


def differing(model: keras.Model, other: keras.Model) -> str | None:
    """Name what a layer of a network holds, and the same layer of another one of its structure does not."""
    for layer, same in zip(_layers(model), _layers(other), strict=False):
        there = _own(same)
        for name, value in _own(layer).items():
            try:
                if _said(value, DEPTH) != _said(there.get(name), DEPTH):
                    return f"{type(layer).__name__}.{name}"
            except _Unknown:
                continue
    return None


def _layers(model: keras.Model) -> list[keras.Layer]:
    return [layer for layer in model._flatten_layers() if not _is_known(type(layer))]


def _own(layer: keras.Layer) -> dict[str, Any]:
    return {name: value for name, value in vars(layer).items() if not _is_keras_own(name)}


def _is_keras_own(name: str) -> bool:
    """Whether any layer or model of Keras's has such an attribute, or TensorFlow gives it one as it tracks it."""
    return name in _of_keras() or name.startswith("_self_")


@functools.cache
def _of_keras() -> frozenset[str]:
    return frozenset(name for made in (keras.Layer(), keras.Model(), keras.Sequential()) for name in vars(made))


def _is_known(kind: type) -> bool:
    """Whether a class is Keras's or the project's, whose objects say of themselves what a graph depends on."""
    return kind.__module__.partition(".")[0] in ("keras", "src")


def _said(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if not depth:
        raise _Unknown
    inner = functools.partial(_said, depth=depth - 1)
    if isinstance(value, dict):
        return [[inner(key), inner(item)] for key, item in value.items()]
    if isinstance(value, list | tuple):
        return [inner(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(repr(inner(item)) for item in value)
    kind = type(value)
    if isinstance(value, keras.Layer) or _is_known(kind):  # a layer is looked at by itself
        return kind.__qualname__
    if isinstance(value, type | ModuleType | BuiltinFunctionType):
        return getattr(value, "__qualname__", value.__name__)
    if isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        return [value.__module__, value.__qualname__, inner([cells, value.__defaults__, value.__kwdefaults__])]
    if isinstance(value, MethodType):
        return [value.__func__.__qualname__, inner(value.__self__)]
    if isinstance(value, functools.partial):
        return inner([value.func, value.args, value.keywords])
    if hasattr(value, "assign"):  # a variable of TensorFlow's, which a training may have changed
        raise _Unknown
    if isinstance(value, np.ndarray | np.generic) or keras.ops.is_tensor(value):
        return _digest(value)
    if hasattr(value, "__array__") or not hasattr(value, "__dict__"):  # such as a generator of numbers
        raise _Unknown
    return [kind.__qualname__, inner(vars(value))]


def _digest(value: Any) -> list[str]:
    """Name the numbers of an array, or of a tensor that has some."""
    try:
        numbers = np.ascontiguousarray(keras.ops.convert_to_numpy(value))
        if numbers.dtype == object:
            raise _Unknown
    except (TypeError, ValueError, NotImplementedError, AttributeError) as error:
        raise _Unknown from error
    return [str(numbers.dtype), str(numbers.shape), hashlib.sha1(numbers.tobytes()).hexdigest()]
