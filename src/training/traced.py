"""Models that were traced for earlier trials, and train again for later ones of the same structure.

TensorFlow traces a model before its first step: a second for a small CNN, many for a deep one, more than a short
training takes. A trial that differs in its learning rate, batch size, rate of dropout, weight decay or seed alone needs
no new graph.
"""

import json
import logging
import math
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from src.model.held import held
from src.model.randomness import is_unseeded
from src.training.lifted import Lifted, without_lifted

# Models that a process keeps at most, and numbers in their variables (float32: 4 bytes) in all of them.
MAX_MODELS, MAX_NUMBERS = 8, 50_000_000

# Steps that TensorFlow takes before Python hears of them, where a run has enough of them: it saves some 1.3 ms a step,
# and its graph takes a quarter of a second more to trace; python -m benchmarks.steps. To the last bit the same numbers.
STEPS_PER_EXECUTION, MANY_STEPS = 16, 400

# A model of another structure is traced, once: where trials are short, TensorFlow takes that for a mistake.
logging.getLogger("tensorflow").addFilter(lambda record: "triggered tf.function retracing" not in str(record.msg))

_kept: OrderedDict[str, tuple[keras.Model, Lifted]] = OrderedDict()


@contextmanager
def compiled(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, loss: keras.losses.Loss, steps: int, xla: bool = False
) -> Iterator[keras.Model]:
    """Yield the model, compiled to be fitted, or an earlier one in its state: with its values, and a fresh optimizer.

    It may be fitted while the context lasts; what its fitting gives is the same to the last bit. A model that is
    yielded itself must keep its compilation: others may be fitted by it. `steps`: how many the whole run has. `xla`:
    whether XLA compiles them, if every layer lets it.
    """
    at_once = STEPS_PER_EXECUTION if steps >= MANY_STEPS else 1
    if model.dtype_policy.name == "mixed_float16":  # as `compile` would do
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(model.trainable_variables)  # else its variables need branches in a graph, which is traced later
    structure = _structure(model, optimizer, loss, (at_once, xla))
    found = _kept.pop(structure, None) if structure is not None else None
    fitted, lifted = found or (model, Lifted(model, optimizer))
    if not found:
        _make_room(model, optimizer)
        fitted.compile(
            optimizer=optimizer,
            loss=loss,
            metrics=[_accuracy(loss)],
            steps_per_execution=at_once,
            jit_compile=xla and all(layer.supports_jit for layer in fitted._flatten_layers()),  # pyright: ignore[reportArgumentType]
        )
    else:
        for kept, fresh in zip(_state(fitted, fitted.optimizer), _state(model, optimizer), strict=True):
            kept.assign(fresh)
        lifted.set(model, optimizer)
    with lifted.in_place():
        yield fitted
    # Not after an error, which may leave a half-finished epoch behind in it.
    if structure is not None:
        _kept[structure] = fitted, lifted


def _accuracy(loss: keras.losses.Loss) -> keras.metrics.Metric:
    """Return what "accuracy" means with labels as the loss takes them.

    Keras itself would make it, with its variables, while it traces a step, and TensorFlow then trace that step again.
    """
    sparse = isinstance(loss, keras.losses.SparseCategoricalCrossentropy)
    return (keras.metrics.SparseCategoricalAccuracy if sparse else keras.metrics.CategoricalAccuracy)(name="accuracy")


def _structure(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, loss: keras.losses.Loss, way: tuple[int, bool]
) -> str | None:
    """Say in full what a graph depends on: all but seeds, and numbers that are variables there.

    None where nobody knows: an optimizer from elsewhere may depend on more than it says, and a layer may say nothing,
    hold what cannot be compared, or draw from what an earlier trial left.
    """
    constants = held(model)
    if is_unseeded(model) or constants is None:
        return None
    parts: list[Any] = [keras.saving.serialize_keras_object(part) for part in (optimizer, loss)]
    if not all(part["module"].partition(".")[0] in ("keras", "src") for part in parts):
        return None
    try:
        layers = json.loads(model.to_json())
    except (NotImplementedError, TypeError, ValueError):  # a layer of one's own that does not say what it is
        return None
    return json.dumps(_without_values([layers, constants, *parts, way]), sort_keys=True, default=str)


def _without_values(value: Any) -> Any:
    if isinstance(value, dict):
        # A part of the model may have been compiled by itself before.
        kept = {key: item for key, item in without_lifted(value).items() if key not in ("seed", "compile_config")}
        if isinstance(kept.get("learning_rate"), float):
            del kept["learning_rate"]
        return {key: _without_values(item) for key, item in kept.items()}
    return [_without_values(item) for item in value] if isinstance(value, list | tuple) else value


def _state(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> list[keras.Variable]:
    return [*model.variables, *optimizer.variables]  # with the states of what draws at random


def _make_room(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> None:
    """Forget the models that have not been used for longest, so that this one finds room beside the others."""
    size = _size(model, optimizer)
    sizes = {structure: _size(kept, kept.optimizer) for structure, (kept, _) in _kept.items()}
    while _kept and (len(_kept) >= MAX_MODELS or size + sum(sizes.values()) > MAX_NUMBERS):
        structure, _ = _kept.popitem(last=False)
        del sizes[structure]


def _size(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> int:
    return sum(math.prod(variable.shape) for variable in _state(model, optimizer))
