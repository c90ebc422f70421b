"""The images: found, decoded, split and described, without TensorFlow."""

from src.dataset.dataset import Dataset, DatasetError, Split
from src.dataset.loading import load

__all__ = ["Dataset", "DatasetError", "Split", "load"]
