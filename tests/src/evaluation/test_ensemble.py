"""Greedy selection of an ensemble, judged by images that did not select it."""

import numpy as np
import pytest

from src.evaluation.ensemble import Ensemble, find_ensemble, select

RNG = np.random.default_rng(0)
TRUE = RNG.integers(0, 4, 400)


def model(skill: float, seed: int) -> np.ndarray:
    """Return probabilities of a model that errs by itself."""
    scores = np.random.default_rng(seed).normal(0, 1, (len(TRUE), 4)) + skill * np.eye(4)[TRUE]
    odds = np.exp(2 * scores)
    return odds / odds.sum(axis=1, keepdims=True)


def ensemble(models: list[np.ndarray]) -> Ensemble:
    found = find_ensemble(models, TRUE, seed=0)
    assert found is not None
    return found


def test_of_too_few_images_to_select_and_to_judge_there_is_none() -> None:
    """An image of each of two classes: both may come into one half."""
    true = np.array([0, 1])
    found = [find_ensemble([np.eye(2), np.eye(2)], true, seed) for seed in range(20)]
    assert None in found
    assert {one.judged_by for one in found if one is not None} == {1}


def test_models_that_err_in_different_places_are_better_together() -> None:
    found = ensemble([model(1.5, seed) for seed in range(5)])
    assert len(found.counts) > 1
    assert found.gain.low > 0
    assert found.gain.count == found.judged_by == pytest.approx(200, abs=4)


def test_equal_models_gain_nothing_and_the_better_one_is_found() -> None:
    same = model(1.5, 0)
    assert ensemble([same, same]).gain.value == 0
    found = ensemble([model(0.1, 1), model(3.0, 2), model(0.1, 3)])
    assert found.best == 1


def test_each_step_adds_the_one_that_makes_the_ensemble_the_most_accurate() -> None:
    models = np.stack([model(1.5, seed) for seed in range(4)])
    chosen = select(models, TRUE)

    def accuracy(members: list[int]) -> float:
        return float((models[members].mean(axis=0).argmax(axis=1) == TRUE).mean())

    for size in range(1, len(chosen) + 1):
        assert accuracy(chosen[:size]) == max(accuracy([*chosen[: size - 1], one]) for one in range(4))
    assert accuracy(chosen) > accuracy(chosen[:1])
