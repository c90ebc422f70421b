"""What a sampler learns from."""

from collections import Counter

import pytest
from omegaconf import OmegaConf
from optuna.trial import TrialState

from convsweep.sampling.instantiate import make_sampler
from convsweep.sampling.sampler_view import SamplerView
from convsweep.study.queue import fill
from convsweep.study.warm_start import remember
from tests.helpers.spaces import SWEEPER, finish, run, space, study_of


def test_tpe_learns_to_avoid_what_diverged() -> None:
    found = space("x=interval(0,1)", conditions={})

    def drawn(diverged: dict[str, float]) -> list[float]:
        study = study_of(found)
        for i in range(12):
            finish(study, found, x=0.3 + i / 60, value=0.0)
            finish(study, found, x=0.5 + i / 24, **diverged)
        fill(study, found, 34)
        return [params["x"] for params in run(study, found)[24:]]

    assert sum(x > 0.55 for x in drawn({"diverged": 1.0})) < sum(x > 0.55 for x in drawn({}))
    study = study_of(found)
    finish(study, found, x=0.5, diverged=1.0)
    finish(study, found, x=0.6)
    (shown,) = SamplerView(study, study.sampler)._get_trials(states=(TrialState.PRUNED,))
    assert (shown.number, shown.params) == (0, {"x": 0.5})
    assert [trial.state for trial in study.trials] == [TrialState.FAIL, TrialState.FAIL]


@pytest.mark.parametrize("sampler", ["TPE", "NSGAII"])
def test_samplers_draw_from_an_earlier_study_that_is_not_part_of_this_one(sampler: str) -> None:
    found = space("x=interval(0,1)", conditions={})
    earlier = study_of(found)
    for i in range(30):
        finish(earlier, found, x=i / 30, value=abs(i / 30 - 0.2))
    finish(earlier, found, x=0.9, diverged=1.0)
    finish(earlier, found, x=0.9)
    study = study_of(found)
    assert remember(study, [earlier], found) == [{"x": 0.2}]
    arguments = {"population_size": 10, "mutation_prob": 0.0} if sampler == "NSGAII" else {}
    sampler_config = {"_target_": f"optuna.samplers.{sampler}Sampler", **arguments}
    view = SamplerView(study, make_sampler(OmegaConf.create(sampler_config), 0, 0))
    assert Counter(t.state.name for t in view.trials) == {"COMPLETE": 30, "PRUNED": 1}
    assert [t.number for t in view.trials] == list(range(-31, 0))
    assert study.trials == []
    fill(study, found, 8)
    near = [params["x"] for params in run(study, found, OmegaConf.create({**SWEEPER, "sampler": sampler_config}))]
    assert [t.number for t in study.trials] == list(range(8))
    assert sum(abs(x - 0.2) < 0.2 for x in near) >= 6
