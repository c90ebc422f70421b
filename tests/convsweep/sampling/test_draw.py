"""Which values a trial gets."""

from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf
from optuna.trial import TrialState

from convsweep.sampling.draw import draw
from convsweep.space.grammar import parse
from convsweep.space.space import Space
from tests.helpers.spaces import SWEEPER, run, space, study_of


@pytest.mark.parametrize(
    "sampler", ["TPE", *(pytest.param(name, marks=pytest.mark.slow) for name in ("Random", "NSGAII", "QMC"))]
)
def test_drawn_trials_have_the_keys_that_their_values_ask_for(sampler: str) -> None:
    found = space("m=u,v", "x=interval(0,1)", "k=1,2,3", conditions={"x": "m=u", "k": "m=v"})
    sweeper = OmegaConf.create({**SWEEPER, "sampler": {"_target_": f"optuna.samplers.{sampler}Sampler"}})
    params = run(study_of(found, 16), found, sweeper)
    assert {p["m"]: set(p) for p in params} == {"u": {"m", "x"}, "v": {"m", "k"}}
    assert sum(p["m"] == "v" for p in params) >= 3


def test_what_is_not_active_makes_no_difference_between_two_trials() -> None:
    found = space("a=1,2", "k=range(0,20)", conditions={"k": "a=2"})
    sweeper = OmegaConf.create({**SWEEPER, "sampler": {"_target_": "optuna.samplers.RandomSampler"}})
    params = run(study_of(found, 15), found, sweeper)
    assert len({tuple(p.items()) for p in params}) == 15
    assert sum(p == {"a": 1} for p in params) == 1


@pytest.mark.parametrize("storage", [None, pytest.param("sqlite://", marks=pytest.mark.slow)])
def test_a_trial_taken_up_again_is_suggested_what_it_was(storage: str | None) -> None:
    found = Space(parse(["x=interval(-2,2)"], {}).parameters, custom="tests.helpers.toy.search.near_x")

    def compose(overrides: list[str]) -> DictConfig:
        return OmegaConf.from_dotlist([*overrides, "hydra.job.name=app"])

    def values(*known: str) -> dict[str, Any]:
        study = study_of(found, 1, storage=storage)
        study._storage.set_trial_state_values(study.trials[0]._trial_id, TrialState.RUNNING)
        for name in known:
            parameter = found.parameters[name]
            study._storage.set_trial_param(study.trials[0]._trial_id, name, whole[name], parameter.distribution)
        return draw(study, study.trials[0], found, SWEEPER, compose)

    whole: dict[str, Any] = values()
    assert whole.keys() >= {"x", "y"}
    assert values("x") == whole
