"""The picture of what augmentation does."""

from typing import Any

import numpy as np
import pytest

from src.report import augmentation_grid
from tests.src.report.test_report import pixels


@pytest.mark.parametrize("channels", [1, 3])
def test_the_picture_shows_a_row_an_image(channels: int) -> None:
    rng = np.random.default_rng(0)
    originals, variants = (rng.integers(0, 256, (*shape, 9, 7, channels)).astype("uint8") for shape in ((4,), (4, 5)))
    originals[0, 0, 0] = 255
    figure = augmentation_grid(originals, variants, ["zero", "one", "two", "three"], "title")
    drawn = pixels(figure)
    assert min(drawn.shape[:2]) >= 300
    assert drawn[..., :3].std() > 0.1
    shown = figure.axes[0].images[0].get_array()
    assert shown is not None
    canvas = np.asarray(shown).reshape(*shown.shape[:2], channels)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["zero", "one", "two", "three"]
    np.testing.assert_array_equal(canvas[:9, :7], originals[0])
    np.testing.assert_array_equal(canvas[-9:, -7:], variants[-1, -1])
    dark: Any = augmentation_grid(originals // 16, variants // 16, list("abcd"), "title").axes[0].images[0].get_array()
    assert dark.max() == 255


def test_mixed_labels_stand_below_their_pictures() -> None:
    originals, variants = np.full((2, 8, 8, 1), 200, "uint8"), np.full((2, 3, 8, 8, 1), 100, "uint8")
    shares = np.zeros((2, 3, 4), "float32")
    shares[..., 1], shares[..., 3] = 0.3, 0.7
    shares[1, 2] = [0, 0, 1, 0]
    figure = augmentation_grid(originals, variants, ["a", "b"], "title", shares, ["shirt", "boot", "bag", "coat"])
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["70% coat\n30% boot"] * 5 + ["100% bag"]
    assert pixels(figure)[..., :3].std() > 0.1
