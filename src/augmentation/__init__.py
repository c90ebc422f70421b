"""More training images from those that are there: warped, recoloured, mixed."""

from src.augmentation.alternate import mirrored
from src.augmentation.rescale import rescaled
from src.augmentation.stream import augmented
from src.augmentation.variants import expanded, mixed_samples, samples
from src.augmentation.warp import transforms, warp

__all__ = ["augmented", "expanded", "mirrored", "mixed_samples", "rescaled", "samples", "transforms", "warp"]
