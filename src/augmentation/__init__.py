"""More training images from those that are there: one random warp an image."""

from src.augmentation.warp import transforms, warp

__all__ = ["transforms", "warp"]
