"""Numbers of a model that its graph has in variables in place of constants: one graph then serves all their values.

What a search draws from an interval differs in every trial. In the graphs that Keras traces, the rates at which layers
drop, an optimizer's weight decay, and the rates and steps of a schedule are constants; a learning rate alone is none.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import keras
from keras.optimizers.schedules import CosineDecay

from src.training.schedule import OneCycleRate, TriangleRate

DROPOUTS = (
    keras.layers.Dropout, keras.layers.SpatialDropout1D, keras.layers.SpatialDropout2D, keras.layers.SpatialDropout3D,
)  # fmt: skip
# Attributes that are used as numbers alone, in no condition of Python's; the optimizers are those that decay weights
# before a step, and know nothing of it in the step.
ATTRIBUTES: dict[type, tuple[str, ...]] = {
    CosineDecay: ("initial_learning_rate", "decay_steps", "warmup_target", "warmup_steps"),
    OneCycleRate: ("initial", "highest", "final", "warmup", "steps"),
    TriangleRate: ("initial", "highest", "final", "warmup", "steps"),
    **dict.fromkeys(
        (
            keras.optimizers.Adadelta, keras.optimizers.Adagrad, keras.optimizers.Adam, keras.optimizers.AdamW,
            keras.optimizers.Adamax, keras.optimizers.Lion, keras.optimizers.Nadam, keras.optimizers.RMSprop,
            keras.optimizers.SGD,
        ),
        ("weight_decay",),
    ),
}  # fmt: skip
ops: Any = keras.ops  # their type hints say that any of them may return None


class Lifted:
    """The variables that stand for such numbers in the graphs of one model and its optimizer."""

    def __init__(self, model: keras.Model, optimizer: keras.optimizers.Optimizer) -> None:
        self._layers, self._owners = _dropouts(model), _owners(optimizer)
        self._rates = [[_variable(number, layer.compute_dtype) for number in _rates(layer)] for layer in self._layers]
        self._numbers = [
            {name: _variable(number, "float32") for name, number in _numbers(owner).items()} for owner in self._owners
        ]

    def set(self, model: keras.Model, optimizer: keras.optimizers.Optimizer) -> None:
        """Give the variables the numbers of a model of the same structure, and of its optimizer."""
        for variables, layer in zip(self._rates, _dropouts(model), strict=True):
            for variable, number in zip(variables, _rates(layer), strict=True):
                variable.assign(number)
        for variables, owner in zip(self._numbers, _owners(optimizer), strict=True):
            for name, number in _numbers(owner).items():
                variables[name].assign(number)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let what is traced meanwhile use the variables; afterwards all say what they said before."""
        with ExitStack() as stack:
            for layer, rates in zip(self._layers, self._rates, strict=True):
                stack.enter_context(_in_place(layer, {"call": partial(_drop, layer, *rates)}))
            for owner, variables in zip(self._owners, self._numbers, strict=True):
                stack.enter_context(_in_place(owner, variables))
            yield


@contextmanager
def _in_place(owner: Any, values: dict[str, Any]) -> Iterator[None]:
    """Give an object other attributes, past Keras, which would track them."""
    attributes = vars(owner)
    before = {name: attributes[name] for name in values if name in attributes}
    attributes.update(values)
    try:
        yield
    finally:
        for name in values.keys() - before.keys():
            del attributes[name]
        attributes.update(before)


def without_lifted(part: dict[str, Any]) -> dict[str, Any]:
    """Leave the numbers that are lifted out of what Keras says of a layer, an optimizer or a schedule."""
    config = part.get("config")
    if not isinstance(config, dict) or str(part.get("module")).partition(".")[0] not in ("keras", "src"):
        return part
    kinds = {kind.__name__: names for kind, names in (*ATTRIBUTES.items(), *dict.fromkeys(DROPOUTS, ("rate",)).items())}
    names = kinds.get(str(part.get("class_name")), ())
    numbers = {name for name in names if _is_number(config[name]) and (name != "rate" or 0 < config[name] < 1)}
    return {**part, "config": {name: "lifted" if name in numbers else value for name, value in config.items()}}


def _dropouts(model: keras.Model) -> list[Any]:
    return [layer for layer in model._flatten_layers() if type(layer) in DROPOUTS and 0 < layer.rate < 1]


def _rates(layer: Any) -> tuple[float, float]:
    return layer.rate, 1 / (1 - layer.rate)


def _owners(optimizer: keras.optimizers.Optimizer) -> list[Any]:
    """Return what may have such numbers: the optimizer, that within one that scales losses, and its schedule."""
    inner: Any = getattr(optimizer, "inner_optimizer", optimizer)
    return [owner for owner in (inner, inner._learning_rate) if type(owner) in ATTRIBUTES]


def _numbers(owner: Any) -> dict[str, float]:
    given = {name: vars(owner)[name] for name in ATTRIBUTES[type(owner)]}
    return {name: float(value) for name, value in given.items() if _is_number(value)}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _variable(number: float, dtype: str) -> keras.Variable:
    return keras.Variable(number, dtype=dtype, trainable=False)


def _drop(layer: Any, rate: keras.Variable, scale: keras.Variable, inputs: Any, training: bool = False) -> Any:
    """Do what the layer does, in the operations of tf.nn.experimental.stateless_dropout: to the last bit the same."""
    if not training:
        return inputs
    shape = ops.shape(inputs)
    noise = layer.noise_shape if type(layer) is keras.layers.Dropout else layer._get_noise_shape(inputs)
    if noise is not None:
        shape = [size if given is None else given for size, given in zip(shape, noise, strict=True)]
    drawn = keras.random.uniform(shape, dtype=inputs.dtype, seed=layer.seed_generator)
    return ops.where(drawn >= rate, inputs * scale, ops.zeros((), inputs.dtype))
