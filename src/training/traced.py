"""Models that were traced for earlier trials, and train again for later ones of the same structure.

TensorFlow traces a model before its first step: a second for a small CNN, many for a deep one, more than a short
training takes. A trial that differs in its learning rate, batch size or seed alone needs no new graph.
"""

import json
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

# Models that a process keeps at most, and numbers in their variables (float32: 4 bytes) in all of them.
MAX_MODELS, MAX_NUMBERS = 8, 50_000_000

_kept: OrderedDict[str, keras.Model] = OrderedDict()


@contextmanager
def compiled(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, loss: keras.losses.Loss
) -> Iterator[keras.Model]:
    """Yield the model, compiled to be fitted, or an earlier one in its state: with its values, and a fresh optimizer.

    It may be fitted while the context lasts; what its fitting gives is the same to the last bit. A model that is
    yielded itself must keep its compilation: others may be fitted by it.
    """
    optimizer.build(model.trainable_variables)  # else its variables need branches in a graph, which is traced later
    structure = _structure(model, optimizer, loss)
    fitted = _kept.pop(structure, None)
    if fitted is None:
        fitted = model
        fitted.compile(
            optimizer=optimizer,
            loss=loss,
            metrics=["accuracy"],
            # XLA is slower on a CPU, and its compilation costs more than a short trial on a GPU.
            jit_compile=False,  # pyright: ignore[reportArgumentType]
        )
    else:
        for kept, fresh in zip(_state(fitted, fitted.optimizer), _state(model, optimizer), strict=True):
            kept.assign(fresh)
    yield fitted
    # Not after an error, which may leave a half-finished epoch behind in it.
    _kept[structure] = fitted
    while len(_kept) > MAX_MODELS or sum(map(_size, _kept.values())) > MAX_NUMBERS:
        _kept.popitem(last=False)


def _structure(model: keras.Model, optimizer: keras.optimizers.Optimizer, loss: keras.losses.Loss) -> str:
    """Say in full what a graph depends on: all but seeds, and the learning rate where it is a variable."""
    settings = optimizer.get_config()
    if isinstance(settings["learning_rate"], float):
        del settings["learning_rate"]
    parts = [json.loads(model.to_json()), type(optimizer).__name__, settings, type(loss).__name__, loss.get_config()]
    return json.dumps(_without_seeds(parts), sort_keys=True, default=str)


def _without_seeds(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_seeds(item) for key, item in value.items() if key != "seed"}
    return [_without_seeds(item) for item in value] if isinstance(value, list | tuple) else value


def _state(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> list[keras.Variable]:
    return [*model.variables, *optimizer.variables]  # with the states of what draws at random


def _size(model: keras.Model) -> int:
    return sum(variable.value.shape.num_elements() for variable in _state(model, model.optimizer))
