"""Batch normalization's running averages where an epoch has few steps: they begin anew with each epoch.

With momentum m, n steps leave m^n of what an average began with. With m = 0.9 and one step an epoch, as for a hundred
photographs, three epochs leave 73% of the 0 and 1 of an untrained network, and its validation says little of it. The
averages play no part in the training.
"""

from typing import Any

import keras

# What may be left of the time before an epoch, at most. With m = 0.9, 20 steps leave 12%: then nothing is done.
MOST = 1 / 8


class Norms:
    """Lets the averages of a model be those of the last epoch's batches alone, where more than `MOST` is older.

    The batch k steps before the end of an epoch of n steps counts (1 - m) m^k / (1 - m^n) in them.
    """

    def __init__(self, model: keras.Model, steps: int) -> None:
        """Look which averages of the model, if any, hold too much that is old after so many steps."""
        self._averages: list[tuple[Any, float]] = []
        for layer in model._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable:
                old = layer.momentum**steps
                if old > MOST:
                    self._averages += [(layer.moving_mean, old), (layer.moving_variance, old)]

    def begin(self) -> None:
        """Forget what was before an epoch."""
        for average, _ in self._averages:
            average.assign(keras.ops.zeros_like(average))

    def end(self) -> None:
        """Let the weights of the epoch's batches add up to 1."""
        for average, old in self._averages:
            average.assign(average / (1 - old))
