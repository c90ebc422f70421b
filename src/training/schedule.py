"""The learning rate, by step inside TensorFlow's graph or by epoch from the history."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from src.config.schedule import Cosine, OneCycle, Plateau, Triangle


def rate_by_step(
    schedule: Cosine | OneCycle | Triangle, rate: float, steps: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return the rate as a function of the steps taken, out of `steps` in all.

    `Cosine` is Keras's CosineDecay (Loshchilov & Hutter 2016) with a linear warm-up from 0 (Goyal et al. 2017).
    """
    if isinstance(schedule, OneCycle):
        lowest = rate / schedule.initial_divisor, rate / schedule.final_divisor
        return OneCycleRate(lowest[0], rate, lowest[1], schedule.warmup * steps, steps)
    if isinstance(schedule, Triangle):
        initial, final = rate * schedule.initial_fraction, rate * schedule.final_fraction
        return TriangleRate(initial, rate, final, schedule.warmup * steps, steps)
    if warmup := int(schedule.warmup * steps):
        return keras.optimizers.schedules.CosineDecay(
            0.0, steps - warmup, schedule.final_fraction, warmup_target=rate, warmup_steps=warmup
        )
    return keras.optimizers.schedules.CosineDecay(rate, steps, schedule.final_fraction)


@keras.saving.register_keras_serializable("convsweep")
class OneCycleRate(keras.optimizers.schedules.LearningRateSchedule):
    """The rates of a 1cycle policy (Smith & Topin 2018): half a cosine up, half a cosine down, as fastai draws it.

    Momentum stays what it is, where fastai and PyTorch can move it against the rate.

    Args:
        initial, highest, final: Rates before the first step, after `warmup` steps and after `steps` steps.
        warmup, steps: Numbers of steps, 0 < warmup < steps.
    """

    def __init__(self, initial: float, highest: float, final: float, warmup: float, steps: int) -> None:
        self.initial, self.highest, self.final = initial, highest, final
        self.warmup, self.steps = warmup, steps

    def __call__(self, step: Any) -> Any:
        step, initial, highest, final, warmup, steps = self._cast(step)
        up = _half_cosine(initial, highest, step / warmup)
        down = _half_cosine(highest, final, (step - warmup) / (steps - warmup))
        return ops.where(step < warmup, up, down)

    def _cast(self, step: Any) -> list[Any]:
        """Return the step and all numbers in one precision, whether they are Python's or a graph's variables."""
        numbers = step, self.initial, self.highest, self.final, self.warmup, self.steps
        return [ops.cast(number, "float32") for number in numbers]

    def get_config(self) -> dict[str, Any]:
        return dict(vars(self))


@keras.saving.register_keras_serializable("convsweep")
class TriangleRate(OneCycleRate):
    """The rates of airbench (Jordan 2024): from `initial` straight up to `highest`, and straight down to `final`."""

    def __call__(self, step: Any) -> Any:
        step, initial, highest, final, warmup, steps = self._cast(step)
        after: Any = ops.minimum((step - warmup) / (steps - warmup), 1.0)
        up = initial + (highest - initial) * (step / warmup)
        down = highest + (final - highest) * after
        return ops.where(step < warmup, up, down)


def _half_cosine(start: Any, end: Any, done: Any) -> Any:
    angle: Any = ops.minimum(done, 1.0)
    cosine: Any = ops.cos(angle * math.pi)
    return end + (start - end) / 2 * (1 + cosine)


def rate_after(schedule: Plateau, rate: float, val_losses: Sequence[float]) -> float:
    """Return the rate of the next epoch, given the first epoch's and the losses of all epochs so far.

    Keras's ReduceLROnPlateau with `min_delta=0`, but without a state of its own: a run that is taken up again
    gets the rates of an unbroken one.
    """
    best, stale = math.inf, 0
    for loss in val_losses:
        best, stale = (loss, 0) if loss < best else (best, stale + 1)
        if stale == schedule.patience:
            rate, stale = min(rate, max(rate * schedule.factor, schedule.min_rate)), 0
    return rate
