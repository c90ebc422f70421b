"""The loss, and the labels as it takes them."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np

from src.config.own_function import OwnFunction
from src.config.training import LOSSES, TrainingConfig
from src.dataset import Split

GAMMA = 2.0  # the paper's


def make_loss(labels: np.ndarray, config: TrainingConfig) -> keras.losses.Loss:
    """Return the loss for labels as `encoded` gives them.

    The focal loss is that of Lin, Goyal, Girshick, He, Dollár, "Focal Loss for Dense Object Detection", ICCV 2017:
    -(1 - p)^2 log p of the true class's probability p. What they call alpha is `training.class_weight` here.
    """
    if (own := OwnFunction.of(config.loss)) is not None:
        return OwnLoss(own, config.label_smoothing)
    if config.loss == "focal":
        return keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=GAMMA, label_smoothing=config.label_smoothing)
    if labels.ndim == 2:
        return keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing)
    return keras.losses.SparseCategoricalCrossentropy()


def kept_loss(labels: np.ndarray, config: TrainingConfig) -> keras.losses.Loss:
    """Return the loss that a kept model is compiled with: crossentropy for one's own, whose code is not kept."""
    own = OwnFunction.of(config.loss) is not None
    return make_loss(labels, replace(config, loss=LOSSES[0]) if own else config)


class OwnLoss(keras.losses.Loss):
    """The loss of a function of one's own, or of an object of a class of Keras's kind.

    Args:
        own: A function of `y_true` and `y_pred`, float32 [B, classes] both, one-hot labels and probabilities, that
            gives float32 [B]; or a class of such objects.
        label_smoothing: The share of a label that is spread over all classes before.

    Raises:
        Exception: What the function's module raises while it is imported.
    """

    def __init__(self, own: OwnFunction, label_smoothing: float) -> None:
        super().__init__(name="loss")
        self._own, self._label_smoothing = own, label_smoothing
        function, arguments = own.load(), dict(own.arguments)
        self._function: Any = function
        if isinstance(function, type):
            self._function, arguments = function(**arguments).call, {}
        self._arguments = arguments

    def call(self, y_true: Any, y_pred: Any) -> Any:
        share = self._label_smoothing
        labels = y_true * (1 - share) + share / y_true.shape[-1] if share else y_true
        return self._function(labels, y_pred, **self._arguments)

    def get_config(self) -> dict[str, Any]:
        # What graphs are told apart by.
        own = {"path": self._own.path, "arguments": dict(self._own.arguments)}
        return super().get_config() | {"own": own, "label_smoothing": self._label_smoothing}


def encoded(split: Split, classes: int, config: TrainingConfig, mixes: bool = False) -> Split:
    """Return a split with its labels as the loss takes them: one-hot to be mixed, and for all but crossentropy."""
    if (config.loss != "crossentropy" or mixes) and split.labels.ndim == 1:
        return split._replace(labels=np.eye(classes, dtype=np.float32)[split.labels])
    return split
