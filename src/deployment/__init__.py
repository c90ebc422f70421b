"""A kept model in use: found by a name, asked about image files, written in other formats.

Imports TensorFlow only when a model is loaded.
"""

from src.deployment.finding import find_model, find_run
from src.deployment.kept import KeptModel, ModelNotFound, read_preprocessing

__all__ = ["KeptModel", "ModelNotFound", "find_model", "find_run", "read_preprocessing"]
