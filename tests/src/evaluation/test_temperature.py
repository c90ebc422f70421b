"""Confidence that is how often the model is right."""

import numpy as np
import pytest
from scipy.special import softmax

from src.evaluation import calibrate, fit_temperature, tempered


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_was_put_in_is_found(temperature: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20_000, 5))
    true = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)  # drawn by these probabilities
    given = softmax(logits * temperature, axis=1).astype(np.float32)
    found = fit_temperature(given, true)
    assert found == pytest.approx(temperature, rel=0.05)
    better = tempered(given, found)
    assert better.dtype == np.float32
    np.testing.assert_allclose(better, softmax(logits, axis=1), atol=0.02)
    assert calibrate(better.max(axis=1), better.argmax(axis=1) == true).ece < 0.02
    np.testing.assert_array_equal(better.argmax(axis=1), given.argmax(axis=1))


def test_a_model_that_is_right_about_few_images_is_not_sure_of_everything() -> None:
    given = np.array([[0.7, 0.3], [0.2, 0.8]] * 10, np.float32)
    found = fit_temperature(given, np.array([0, 1] * 10))
    assert 0.9 < tempered(given, found).max() < 0.99


def test_certain_answers_stay_finite() -> None:
    given = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    found = fit_temperature(given, np.array([0, 2]))
    assert np.isfinite(tempered(given, found)).all()
    assert tempered(given, 1.0) is given
