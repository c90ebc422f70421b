"""More training images from those that are there: one random warp an image."""

from src.augmentation.rescale import rescaled
from src.augmentation.stream import augmented
from src.augmentation.variants import expanded, samples
from src.augmentation.warp import transforms, warp

__all__ = ["augmented", "expanded", "rescaled", "samples", "transforms", "warp"]
