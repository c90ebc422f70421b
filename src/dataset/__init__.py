"""The images: found, decoded, split and described, without TensorFlow."""

from src.dataset.dataset import Dataset, DatasetError, Preprocessing, Split
from src.dataset.loading import all_validated, load
from src.dataset.prepare import is_light, look, prepare
from src.dataset.single import read_image, read_images

__all__ = [
    "Dataset",
    "DatasetError",
    "Preprocessing",
    "Split",
    "all_validated",
    "is_light",
    "load",
    "look",
    "prepare",
    "read_image",
    "read_images",
]
