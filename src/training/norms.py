"""Batch normalization's running averages where an epoch has few steps: they begin anew with each epoch.

With momentum m, n steps leave m^n of what an average began with. With m = 0.9 and one step an epoch, as for a hundred
photographs, three epochs leave 73% of the 0 and 1 of an untrained network, and its validation says little of it. The
averages play no part in the training.
"""

from typing import Any

import keras

# What may be left of the time before an epoch, at most. With m = 0.9, 20 steps leave 12%: then nothing is done.
MOST = 1 / 8


class Norms(keras.callbacks.Callback):
    """Lets the averages of a model be those of the last epoch's batches alone, where more than `MOST` is older.

    The batch k steps before the end of an epoch counts m^k in them, the last one, which may be of few images, by its
    size: a batch of one image says next to nothing, and would be half of an epoch of 129 images.
    """

    def __init__(self, network: keras.Model, images: int, batch_size: int) -> None:
        """Look which averages of a network, if any, hold too much that is old after an epoch of so many images."""
        super().__init__()
        self._steps = -(-images // batch_size)
        self._averages: list[tuple[Any, float]] = []
        for layer in network._flatten_layers():
            learns = isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
            if learns and layer.momentum**self._steps > MOST:
                self._averages += [(layer.moving_mean, layer.momentum), (layer.moving_variance, layer.momentum)]
        # The size of the last batch over that of the others.
        self._last = (images - (self._steps - 1) * batch_size) / batch_size if self._steps > 1 else 1.0
        self._before: list[Any] = []

    @property
    def is_needed(self) -> bool:
        """Whether there are any."""
        return bool(self._averages)

    @property
    def sees_steps(self) -> bool:
        """Whether it must be called before each step."""
        return self.is_needed and self._last < 1

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Forget what was before the epoch."""
        for average, _ in self._averages:
            average.assign(keras.ops.zeros_like(average))

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Remember what the averages are before the last step of the epoch."""
        if self.sees_steps and batch == self._steps - 1:
            self._before = [keras.ops.copy(average.value) for average, _ in self._averages]

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Let the weights of the epoch's batches add up to 1, before it is validated."""
        last = self._last
        for i, (average, momentum) in enumerate(self._averages):
            found = average if last == 1 else last * average + (1 - last) * momentum * self._before[i]
            average.assign(found / (momentum - momentum**self._steps + last * (1 - momentum)))
