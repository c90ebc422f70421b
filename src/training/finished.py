"""A trained model as it is kept: with an optimizer that whoever loads it has, too."""

import inspect
from typing import Any

import keras

from src.config.training import TrainingConfig
from src.dataset import Dataset
from src.training.fit import rate_of
from src.training.losses import kept_loss


def finished(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, data: Dataset, config: TrainingConfig
) -> keras.Model:
    """Return a copy of a fitted model to keep: with its weights, compiled anew, to be trained on or evaluated.

    The fitted one's optimizer has the state of the last epoch, and it or its schedule may be of a class that is not
    known where a saved model is loaded: the one of Keras's that it is made of takes its place.
    """
    optimizer = _known(optimizer)
    copy: Any = copied(model)
    copy.set_weights(model.get_weights())
    for layer in copy._flatten_layers():  # such as Normalization, which computes with what it makes of its weights
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()
    copy.compile(optimizer=optimizer, loss=kept_loss(data.train.labels, config), metrics=["accuracy"])
    optimizer.build(copy.trainable_variables)  # or Keras warns where the model is loaded
    return copy


def copied(model: keras.Model) -> keras.Model:
    """Return a new model of the same layers, not compiled: Keras cannot copy an optimizer of a class of one's own."""
    was, model.compiled = model.compiled, False
    try:
        return keras.models.clone_model(model)
    finally:
        model.compiled = was


def _known(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Return an optimizer of Keras's as near to one as there is: the class that it is made of, else SGD."""
    rate: Any = optimizer._learning_rate
    if _is_keras(type(optimizer)) and _is_keras(type(rate)):
        return optimizer
    base: Any = next(kind for kind in type(optimizer).__mro__ if _is_keras(kind))
    if not issubclass(base, keras.optimizers.Optimizer) or base is keras.optimizers.Optimizer:
        base = keras.optimizers.SGD
    takes = inspect.signature(base.__init__).parameters
    given = {name: value for name, value in optimizer.get_config().items() if name in takes and name != "name"}
    if not _is_keras(type(rate)):
        given["learning_rate"] = rate_of(optimizer)
    return base.from_config(given)


def _is_keras(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "keras"
