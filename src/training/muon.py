"""Muon for convolutions, too: Jordan et al., "Muon: An Optimizer for Hidden Layers in Neural Networks" (2024)."""

from typing import Any

import keras

ops: Any = keras.ops  # their type hints say that any of them may return None


@keras.saving.register_keras_serializable("convsweep")
class Muon(keras.optimizers.Muon):
    """Keras's Muon, which also makes the step of a kernel of a convolution an orthogonal matrix: [H * W * in, out].

    Keras's own leaves all but dense layers to AdamW. The last layer is to be excluded, as Muon's authors do.

    Args: those of `keras.optimizers.Muon`.
    """

    def _should_use_adamw(self, variable: Any) -> bool:
        if len(variable.shape) != 4:
            return super()._should_use_adamw(variable)
        return any(keyword in variable.path for keyword in self.exclude_layers)

    def _muon_update_step(self, gradient: Any, variable: Any, lr: Any, m: Any) -> None:
        self.assign_add(m, gradient + m * (self.momentum - 1))
        step = gradient + self.momentum * m if self.nesterov else ops.convert_to_tensor(m)
        matrix = ops.reshape(step, (-1, step.shape[-1]))
        update = self.lr_adjust(lr * self.zeropower_via_newtonschulz5(matrix, self.ns_steps))
        self.assign_sub(variable, ops.reshape(update, variable.shape))
