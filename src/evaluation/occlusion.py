"""What an answer hangs on: by how much its log odds fall where a part of the image is covered.

Zeiler, Fergus 2014, "Visualizing and Understanding Convolutional Networks". The network alone is asked: it may
be of any layers, where a method of gradients would need to know its last convolution.
"""

from typing import NamedTuple

import keras
import numpy as np

from src.dataset import Split
from src.evaluation.prediction import predict
from src.evaluation.temperature import tempered

PARTS = 5  # of a side, that a cover has; covers lie half their size apart


NEAR = 1e-6  # a probability is not taken for nearer to 0 or 1 than this


class Occlusion(NamedTuple):
    """What becomes of an answer where parts of its image are covered.

    Attributes:
        falls: By how much the class's log odds fall where a pixel is covered, in nats, float32 [H, W]; below 0 they
            rise. Odds, since a probability of 0.999 hardly falls whatever is covered.
        least: The class's lowest probability under any cover.
    """

    falls: np.ndarray
    least: float


def occlusion(network: keras.Model, image: np.ndarray, which: int, temperature: float = 1.0) -> Occlusion:
    """Cover an image part by part with its mean colour, and ask a network about each copy.

    A pixel has the mean over the covers that it lies under.

    Args:
        network: Takes uint8 images [B, H, W, C], gives probabilities [B, classes].
        image: uint8 [H, W, C].
        which: The index of the class.
        temperature: Of the probabilities.
    """
    spans = [_spans(side) for side in image.shape[:2]]
    places = [(down, across) for down in spans[0] for across in spans[1]]
    copies = np.repeat(image[None], len(places) + 1, axis=0)
    for copy, (down, across) in zip(copies[1:], places, strict=True):
        copy[down, across] = np.rint(image.mean(axis=(0, 1)))
    asked = predict(network, Split(copies, np.zeros(len(copies), np.int32)))
    answers = tempered(asked, temperature)[:, which].astype(np.float64)
    near = answers.clip(NEAR, 1 - NEAR)
    plain, *covered = np.log(near / (1 - near))
    falls, counts = np.zeros(image.shape[:2], np.float32), np.zeros(image.shape[:2], np.float32)
    for (down, across), odds in zip(places, covered, strict=True):
        falls[down, across] += plain - odds
        counts[down, across] += 1
    return Occlusion(falls / counts, float(answers[1:].min()))


def _spans(side: int) -> list[slice]:
    """Return where covers lie along a side, so that each pixel lies under one."""
    size = min(side, max(2, side // PARTS))
    starts = [*range(0, side - size, -(-size // 2)), side - size]
    return [slice(start, start + size) for start in starts]
