"""Schedule-free AdamW: Defazio, Yang, Mehta, Mishchenko, Khaled, Cutkosky, "The Road Less Scheduled" (2024).

Algorithm 1 with the weights of the authors' code (github.com/facebookresearch/schedule_free): the average counts each
step by the square of its rate, so that a warm-up counts little. Keras's class of the same name is judged between the
average and the newest point, decays the average alone, and counts all steps the same.
"""

from typing import Any

import keras

ops: Any = keras.ops  # their type hints say that any of them may return None


@keras.saving.register_keras_serializable("convsweep")
class ScheduleFreeAdamW(keras.optimizers.ScheduleFreeAdamW):
    """Train at y, between the newest point z and the average x of all of them; `finalize_variable_values` gives x.

    Args: those of `keras.optimizers.ScheduleFreeAdamW`; `weight_decay` is decoupled, of y.
    """

    def build(self, var_list: Any) -> None:
        """Add z and the mean square of the gradients for each variable, and one sum of weights."""
        if not self.built:
            super().build(var_list)
            self._weights_sum: Any = self.add_variable((), name="weights_sum")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Take one step with one variable."""
        dtype = variable.dtype
        index = self._get_variable_index(variable)
        z, v = self._momentums[index], self._velocities[index]
        step, rate = ops.cast(_next(self.iterations), dtype), ops.cast(self._warm(learning_rate), dtype)
        x = self._average(variable, z)
        self.assign(v, self.beta_2 * v + (1 - self.beta_2) * ops.square(gradient))
        root = ops.sqrt(v / (1 - ops.power(ops.cast(self.beta_2, dtype), step)))
        direction = gradient / (root + self.epsilon)
        if self.weight_decay and self._use_weight_decay(variable):
            direction = direction + self.weight_decay * variable
        self.assign(z, z - rate * direction)
        weight = ops.square(rate)
        share = weight / ops.maximum(ops.cast(self._weights_sum, dtype), 1e-30)
        x = x + share * (z - x)
        self.assign(variable, (1 - self.beta_1) * z + self.beta_1 * x)

    def finalize_variable_values(self, var_list: Any) -> None:
        """Give the variables their averages."""
        for variable in var_list:
            variable.assign(self._average(variable, self._momentums[self._get_variable_index(variable)]))

    def _average(self, y: Any, z: Any) -> Any:
        return (y - (1 - self.beta_1) * z) / self.beta_1

    def _warm(self, rate: Any) -> Any:
        rate = ops.cast(rate, "float32")
        if not self.warmup_steps:
            return rate
        return rate * ops.minimum(ops.cast(_next(self.iterations), "float32") / self.warmup_steps, 1.0)

    def _backend_update_step(self, grads: Any, trainable_variables: Any, learning_rate: Any) -> None:
        # Once a step; what follows is once a variable.
        self._weights_sum.assign_add(ops.square(self._warm(learning_rate)))
        super()._backend_update_step(grads, trainable_variables, learning_rate)

    def _apply_weight_decay(self, variables: Any) -> None:
        """Leave it to the step, which knows z."""


def _next(steps: Any) -> Any:
    return steps + 1
