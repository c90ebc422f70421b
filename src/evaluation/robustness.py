"""Accuracy on images that are a little worse than those that the model has seen.

The idea is that of Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and
Perturbations", ICLR 2019, with five kinds at one strength each, from the published sets of small images:

    rotated  15 degrees, either way: the ends of CIFAR-10-P's rotations
    shifted  3/28 of width and height, either way: MNIST-C (Mu and Gilmer 2019), severity 3 of 5
    zoomed   to 0.8 of its size, or by 1 / 0.8: MNIST-C, severity 2 of 5, shrinks so; CIFAR-10-P goes from 0.7 to 1.3
    noisy    Gaussian noise of 0.08 of the range of the values: CIFAR-10-C, severity 3 of 5
    blurred  Gaussian blur of 0.7/32 of the smaller side, or 0.5 pixels if that is more: CIFAR-10-C, severity 3 of 5

Lengths are parts of the image's, so that images of another size are changed by as much. 0.5 pixels are the least that
a blur on a grid of pixels shows.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from src.augmentation import transforms, warp
from src.dataset import Split
from src.evaluation.prediction import predict_batch, true_classes
from src.training import evaluation_batch_size

ROTATION = 15.0  # degrees
SHIFT = 3 / 28  # of height and width
ZOOM = 0.8
NOISE = 0.08  # of the range of the values
BLUR, LEAST_BLUR = 0.7 / 32, 0.5  # of the smaller side; pixels

# A standard error of at most a hundredth a kind, and less between models, which all get the same copies.
IMAGES = 2000
# Where nobody has asked: at most 0.022 a kind, in a quarter of the time.
GLANCE = 500
EXAMPLES = 8  # images whose copies are shown


@dataclass(frozen=True)
class Robustness:
    """How a model does on altered copies of images.

    Attributes:
        accuracies: the accuracy on each kind of copies.
        images: how many images were copied.
        examples: uint8 [1 + kinds, EXAMPLES, H, W, C]; some images and, a row each, their copies.
    """

    accuracies: dict[str, float]
    images: int
    examples: np.ndarray

    @property
    def robust_accuracy(self) -> float:
        """The mean over the kinds."""
        return float(np.mean(list(self.accuracies.values())))

    @property
    def numbers(self) -> dict[str, float]:
        """The scalars, by the names under which they are recorded."""
        by_kind = {f"robust_accuracy_{kind}": accuracy for kind, accuracy in self.accuracies.items()}
        return {"robust_accuracy": self.robust_accuracy} | by_kind


def measure_robustness(model: keras.Model, split: Split, seed: int, most: int = IMAGES) -> Robustness:
    """Predict copies of at most so many of the split's images, which the seed chooses.

    The same split, seed and number give the same copies, whatever the model.
    """
    count = min(most, len(split.images))
    chosen = np.sort(np.random.default_rng(seed).choice(len(split.images), count, replace=False))
    true = true_classes(split)[chosen]
    right = dict.fromkeys(KINDS, 0)
    examples = []
    size = evaluation_batch_size(split)
    for start in range(0, count, size):
        batch = slice(start, start + size)
        images = split.images[chosen[batch]]
        altered = {kind: alter(images, kind, [seed, start]) for kind in KINDS}
        for kind, copies in altered.items():
            right[kind] += int(np.sum(predict_batch(model, copies).argmax(axis=1) == true[batch]))
        examples = examples or [shown[:EXAMPLES] for shown in (images, *altered.values())]
    return Robustness({kind: hits / count for kind, hits in right.items()}, count, np.stack(examples))


def alter(images: np.ndarray, kind: str, seed: list[int]) -> np.ndarray:
    """Return altered copies, uint8 [B, H, W, C], of images of that shape; the seed decides the ways and the noise."""
    changed = KINDS[kind](images, np.random.default_rng([*seed, list(KINDS).index(kind)]))
    return np.clip(np.rint(changed), images.min(), images.max()).astype(np.uint8)


def _rotated(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _warped(images, theta=ROTATION * _either_way(images, rng))


def _shifted(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    _, height, width, _ = images.shape
    across, down = _either_way(images, rng), _either_way(images, rng)
    return _warped(images, tx=SHIFT * width * across, ty=SHIFT * height * down)


def _zoomed(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    zoom = ZOOM ** _either_way(images, rng)
    return _warped(images, zx=zoom, zy=zoom)


def _noisy(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    spread = NOISE * np.ptp(images.astype(np.float32))
    return images + spread * rng.standard_normal(images.shape, np.float32)


def _blurred(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    sigma = max(BLUR * min(images.shape[1:3]), LEAST_BLUR)
    radius = math.ceil(3 * sigma)
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    result = images.astype(np.float32)
    for axis in (1, 2):
        places = np.clip(np.arange(images.shape[axis]) + offsets[:, None], 0, images.shape[axis] - 1)
        result = np.sum([weight * result.take(at, axis) for weight, at in zip(weights, places, strict=True)], axis=0)
    return result


KINDS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "rotated": _rotated,
    "shifted": _shifted,
    "zoomed": _zoomed,
    "noisy": _noisy,
    "blurred": _blurred,
}


def _either_way(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.choice(np.array([-1.0, 1.0], np.float32), len(images))


def _warped(images: np.ndarray, **parameters: np.ndarray) -> np.ndarray:
    _, height, width, _ = images.shape
    return np.asarray(keras.ops.convert_to_numpy(warp(images, transforms(height, width, **parameters))))
