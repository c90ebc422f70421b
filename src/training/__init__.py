"""Fitting a model: the backend's settings, the order of the images, what happens after each epoch."""

from src.training.backend import prepare
from src.training.batches import evaluation_batch_size
from src.training.checkpoint import Checkpoint
from src.training.course import Course, course, fit_course
from src.training.finished import finished
from src.training.fit import Diverged, EpochEnd, Measure, Verdict, fit
from src.training.history import History
from src.training.resizing import takes_size

__all__ = [
    "Checkpoint",
    "Course",
    "Diverged",
    "EpochEnd",
    "History",
    "Measure",
    "Verdict",
    "course",
    "evaluation_batch_size",
    "finished",
    "fit",
    "fit_course",
    "prepare",
    "takes_size",
]
