"""Pictures of what answers hang on."""

import io

import numpy as np
import pytest

from src.report import explanations
from src.report.explanation import _with_heat


def test_red_is_where_the_answer_falls_and_blue_where_it_rises() -> None:
    fall = np.zeros((2, 2), np.float32)
    fall[0, 0], fall[1, 1] = 0.5, -0.5
    heat = _with_heat(np.full((40, 40, 3), 128, np.uint8), fall).astype(int)
    assert heat[0, 0, 0] > heat[0, 0, 2] + 80
    assert heat[-1, -1, 2] > heat[-1, -1, 0] + 80
    assert np.ptp(heat[0, -1]) == 0


def test_hardly_anything_has_no_colour() -> None:
    heat = _with_heat(np.full((8, 8, 3), 128, np.uint8), np.full((8, 8), 1e-4, np.float32)).astype(int)
    assert np.ptp(heat, axis=-1).max() < 3


@pytest.mark.parametrize("count", [0, 1, 4])
@pytest.mark.parametrize("shape", [(8, 8, 1), (30, 90, 3)])
def test_any_number_of_images_of_any_shape_are_drawn(count: int, shape: tuple[int, int, int]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)
    texts = [f"rose {i} costs $5 or $6" for i in range(count)]
    figure = explanations(images, np.ones((count, 4, 4), np.float32), texts, "日本 $x$")
    assert len(figure.axes) == 2 * count
    assert sum(text.get_text() != "" for text in figure.texts) == count + 1
    figure.savefig(io.BytesIO(), format="png")
