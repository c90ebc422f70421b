"""The loss, and the labels as it takes them."""

import keras
import numpy as np

from src.config.training import TrainingConfig
from src.dataset import Split

GAMMA = 2.0  # the paper's


def make_loss(labels: np.ndarray, config: TrainingConfig) -> keras.losses.Loss:
    """Return the loss for labels as `encoded` gives them.

    The focal loss is that of Lin, Goyal, Girshick, He, Dollár, "Focal Loss for Dense Object Detection", ICCV 2017:
    -(1 - p)^2 log p of the true class's probability p. What they call alpha is `training.class_weight` here.
    """
    if config.loss == "focal":
        return keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=GAMMA, label_smoothing=config.label_smoothing)
    if labels.ndim == 2:
        return keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing)
    return keras.losses.SparseCategoricalCrossentropy()


def encoded(split: Split, classes: int, config: TrainingConfig, mixes: bool = False) -> Split:
    """Return a split with its labels as the loss takes them: one-hot for Keras's focal loss, and to be mixed."""
    if (config.loss == "focal" or mixes) and split.labels.ndim == 1:
        return split._replace(labels=np.eye(classes, dtype=np.float32)[split.labels])
    return split
