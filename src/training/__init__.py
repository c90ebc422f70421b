"""Fitting a model: the backend's settings, the order of the images, what happens after each epoch."""

from src.training.backend import prepare
from src.training.batches import evaluation_batch_size
from src.training.fit import Diverged, History, fit

__all__ = ["Diverged", "History", "evaluation_batch_size", "fit", "prepare"]
