"""What an answer hangs on, of a network that is known to look at one corner."""

import math
from typing import Any

import keras
import numpy as np
import pytest

from src.evaluation import occlusion
from src.evaluation.occlusion import _spans

SIDE, CORNER = 20, 4


def looking_at_a_corner() -> keras.Model:
    """Is the surer of its first class the brighter the upper left corner is."""
    seen = np.zeros((SIDE, SIDE, 1), np.float32)
    seen[:CORNER, :CORNER] = 1 / (CORNER * CORNER * 255)
    images: Any = keras.Input((SIDE, SIDE, 1), dtype="uint8")
    ops: Any = keras.ops
    bright = ops.sum(ops.cast(images, "float32") * seen, axis=(1, 2))
    return keras.Model(images, ops.concatenate([bright, 1 - bright], axis=-1))


def test_the_answer_falls_where_its_corner_is_covered() -> None:
    image = np.zeros((SIDE, SIDE, 1), np.uint8)
    image[:CORNER, :CORNER] = 255
    falls, least = occlusion(looking_at_a_corner(), image, 0)
    assert falls.shape == (SIDE, SIDE)
    # Covered with the image's mean, 10 of 255, the corner leaves 0.04 of its brightness; the first cover is as large.
    assert least == pytest.approx(10 / 255, abs=1e-3)
    odds = math.log((1 - 1e-6) / 1e-6) - math.log(least / (1 - least))
    assert falls[0, 0] == pytest.approx(odds, rel=1e-3)
    assert (falls[CORNER + 2 :] == 0).all()
    assert (falls[:, CORNER + 2 :] == 0).all()
    np.testing.assert_allclose(occlusion(looking_at_a_corner(), image, 1).falls, -falls, atol=1e-3)


@pytest.mark.parametrize("side", [1, 2, 3, 8, 9, 28, 33, 224])
def test_each_pixel_lies_under_a_cover(side: int) -> None:
    counts = np.zeros(side)
    for span in _spans(side):
        assert 0 <= span.start < span.stop <= side
        counts[span] += 1
    assert counts.min() >= 1
    assert len(_spans(side)) <= 11
