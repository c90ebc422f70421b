"""Draws near the best, and how often whose turn it is."""

from collections import Counter

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from convsweep.policy.asha import Asha
from convsweep.sampling.draw import _sampler
from convsweep.sampling.near import NearSampler
from tests.helpers.spaces import SWEEPER, space

GRID = FloatDistribution(0.0, 1.0, step=0.25)


@pytest.fixture(scope="module")
def drawn() -> list[dict[str, object]]:
    study, found = optuna.create_study(), []
    params = {"rate": 1e-3, "depth": 3, "share": 0.5, "kind": "b", "gone": 7}
    for seed in range(200):
        sampler = NearSampler(params, seed)
        trial = create_trial(state=TrialState.RUNNING)
        distributions = {
            "rate": FloatDistribution(1e-5, 1e-1, log=True), "depth": IntDistribution(1, 5), "share": GRID,
            "kind": CategoricalDistribution(["a", "b", "c"]), "new": IntDistribution(1, 2),
        }  # fmt: skip
        found.append({n: sampler.sample_independent(study, trial, n, d) for n, d in distributions.items()})
    return found


def test_half_of_the_values_stay_and_others_move_within_their_range(drawn: list[dict[str, object]]) -> None:
    for name, value, low, high in (("rate", 1e-3, 1e-5, 1e-1), ("depth", 3, 1, 5), ("share", 0.5, 0, 1)):
        values = [params[name] for params in drawn]
        assert 0.4 < sum(v == value for v in values) / 200 < 0.85, f"{name}: a grid keeps small moves too"
        assert all(isinstance(v, int | float) and low <= v <= high for v in values)
    assert Counter(params["kind"] for params in drawn)["b"] == pytest.approx(100, abs=25)
    assert {params["share"] for params in drawn} <= {0.0, 0.25, 0.5, 0.75, 1.0}
    assert all(isinstance(params["depth"], int) for params in drawn)
    assert {params["new"] for params in drawn} == {1, 2}, "what the best one has not is drawn"


@pytest.mark.parametrize(("at_random", "near"), [(0.25, 0.0), (0.2, 0.3)])
def test_the_shares_of_a_mixture_are_kept(at_random: float, near: float) -> None:
    study = optuna.create_study()
    study.set_user_attr("seed", 3)
    study.add_trial(create_trial(state=TrialState.WAITING, intermediate_values={1: 0.5}))
    found, asha = space("x=interval(0,1)", conditions={}), Asha(1, 3)
    scheduler = {"random_share": at_random, "near_share": near}
    asked = OmegaConf.create({**SWEEPER, "scheduler": scheduler})
    kinds = Counter(type(_sampler(study, n, 0, found, asked, asha)).__name__ for n in range(10, 410))
    assert kinds["RandomSampler"] / 400 == pytest.approx(at_random, abs=0.06)
    assert kinds["NearSampler"] / 400 == pytest.approx(near, abs=0.06)
    assert kinds["TPESampler"] / 400 == pytest.approx(1 - at_random - near, abs=0.06)
