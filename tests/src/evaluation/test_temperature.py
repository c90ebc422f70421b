"""Confidence that is how often the model is right."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from src.evaluation import calibrate, fit_temperature, tempered
from src.evaluation.temperature import WORTH
from tests.test_fences import ROOT, imports


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


@pytest.mark.parametrize("count", [10, 20, 50])
@pytest.mark.parametrize("sharper", [1.0, 2.5])
def test_few_images_make_a_calibrated_model_no_worse_and_an_overconfident_one_better(
    count: int, sharper: float
) -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 3, (4000, 4))
    true = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    given = softmax(logits * sharper, axis=1).astype(np.float32)
    drawn = [rng.permutation(4000)[:count] for _ in range(60)]
    found = [fit_temperature(given[rows], true[rows]) for rows in drawn]

    def off(temperature: float) -> float:
        told = tempered(given, temperature)
        return calibrate(told.max(axis=1), told.argmax(axis=1) == true).ece

    mean = np.mean([off(temperature) for temperature in found])
    assert mean < off(1.0) + (0.03 if sharper == 1 else -0.03)
    assert sharper != 1 or np.median(found) == pytest.approx(1, rel=0.1)


def test_certain_answers_stay_finite() -> None:
    given = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    found = fit_temperature(given, np.array([0, 2]))
    assert np.isfinite(tempered(given, found)).all()
    assert tempered(given, 1.0) is given


@pytest.mark.parametrize("spread", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("right", [0.1, 0.6, 1.0])
def test_it_is_what_a_search_of_the_loss_finds(spread: float, right: float) -> None:
    """Also where it is one of the two ends."""
    rng = np.random.default_rng(1)
    given = softmax(rng.normal(0, spread, (200, 4)), axis=1).astype(np.float32)
    true = np.where(rng.random(200) < right, given.argmax(axis=1), rng.integers(0, 4, 200))
    logits = np.log(np.maximum(given, np.finfo(np.float32).tiny), dtype=np.float64)

    def loss(log_temperature: float) -> float:
        inverse = np.exp(-log_temperature)
        of_true = softmax(inverse * logits, axis=1)[np.arange(200), true]
        return float(-np.log(of_true + 1e-300).sum() + WORTH * (inverse - 1 - np.log(inverse)))

    searched = minimize_scalar(loss, bounds=(np.log(0.2), np.log(10)), method="bounded")
    assert fit_temperature(given, true) == pytest.approx(np.exp(searched.x), rel=1e-3)  # pyright: ignore


def test_a_worker_that_keeps_a_model_needs_no_more_for_it_than_numpy() -> None:
    assert imports(ROOT / "src/evaluation/temperature.py") == {"numpy"}
