"""Fitting a model: the backend's settings, the order of the images, what happens after each epoch."""

from src.training.backend import prepare
from src.training.batches import evaluation_batch_size
from src.training.checkpoint import Checkpoint
from src.training.fit import Diverged, EpochEnd, Measure, Verdict, finished, fit
from src.training.history import History
from src.training.resizing import takes_size

__all__ = [
    "Checkpoint",
    "Diverged",
    "EpochEnd",
    "History",
    "Measure",
    "Verdict",
    "evaluation_batch_size",
    "finished",
    "fit",
    "prepare",
    "takes_size",
]
