"""Optimizers that train one set of weights and mean another: an average of them."""

from typing import Any

import keras
import numpy as np


class Averages:
    """Puts the weights that an optimizer means into a compiled model, to be looked at, and takes them out again.

    For an optimizer that means those that it trains, both do nothing.
    """

    def __init__(self, model: keras.Model) -> None:
        self._model: Any = model
        self._trained: list[np.ndarray] | None = None
        optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
        own = type(optimizer).finalize_variable_values is not keras.optimizers.Optimizer.finalize_variable_values
        self._on = bool(own or optimizer.use_ema)

    def put_in(self) -> None:
        """Keep what is trained aside, and let the model have the averages."""
        if self._on and self._trained is None:
            variables = self._model.trainable_variables
            self._trained = [np.asarray(keras.ops.convert_to_numpy(variable)) for variable in variables]
            self._model.optimizer.finalize_variable_values(variables)

    def take_out(self) -> None:
        """Put what is trained back, to the last bit."""
        if self._trained is not None:
            for variable, value in zip(self._model.trainable_variables, self._trained, strict=True):
                variable.assign(value)
            self._trained = None
