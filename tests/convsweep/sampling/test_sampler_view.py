"""What a sampler learns from."""

import math
from collections import Counter

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from convsweep.policy.asha import RUNG, VALUES, Asha
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


def paused(*values: float, x: float, state: TrialState = TrialState.WAITING) -> FrozenTrial:
    """Return a trial that paused after its first step, with so many objectives."""
    return create_trial(
        state=state, params={"x": x}, distributions={"x": FloatDistribution(0, 1)},
        intermediate_values={1: values[0]}, system_attrs={RUNG: ["paused", 0], f"{VALUES}1": list(values)},
    )  # fmt: skip


def draw(view_of: optuna.Study, asha: Asha | None, seed: int = 0) -> float:
    view_of.add_trial(create_trial(state=TrialState.RUNNING))
    view = SamplerView(view_of, make_sampler(SWEEPER.sampler, seed, 0), asha)
    return optuna.Trial(view, view_of.get_trials(deepcopy=False)[-1]._trial_id).suggest_float("x", 0, 1)


@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize("asha", [None, Asha(1, 3)])
def test_tpe_draws_where_trials_with_several_objectives_were_left_paused(warm: bool, asha: Asha | None) -> None:
    found = space("x=interval(0,1)", conditions={})
    earlier, study = (study_of(found, directions=["minimize", "maximize"]) for _ in range(2))
    of = earlier if warm else study
    of.add_trials([paused(i / 20, 1.0, x=i / 20, state=TrialState.PRUNED) for i in range(20)])
    of.add_trials([create_trial(values=[0.1, 2.0], params={"x": 0.1}, distributions=paused(0, x=0).distributions)])
    remember(study, [earlier], found)
    assert 0 <= draw(study, asha) <= 1


@pytest.mark.parametrize("directions", [["minimize"], ["minimize", "minimize"]])
def test_what_is_no_number_at_a_rung_is_no_result(directions: list[str]) -> None:
    found = space("x=interval(0,1)", conditions={})

    def drawn(diverged: int) -> float:
        study = study_of(found, directions=directions)
        values = [[math.nan if i < diverged else 1 - i / 20, 1 - i / 20][: len(directions)] for i in range(20)]
        study.add_trials([paused(*found, x=i / 20) for i, found in enumerate(values)])
        return sum(draw(study, Asha(1, 3), seed) for seed in range(10)) / 10

    assert drawn(diverged=4) > 0.7 and drawn(diverged=0) > 0.7


def test_a_sampler_learns_from_the_highest_rung_where_enough_have_reported() -> None:
    study = study_of(space("x=interval(0,1)", conditions={}))
    reported = [{4: 0.4}] * 10 + [{4: 0.4, 8: 0.8}] * 10 + [{4: 0.4, 8: 0.8, 16: 1.6}] * 9
    study.add_trials([create_trial(state=TrialState.PRUNED, intermediate_values=values) for values in reported])
    view = SamplerView(study, study.sampler, Asha(1, 2))  # rungs at 1, 2, 4, 8 and 16
    assert Counter(trial.value for trial in view.trials) == {None: 10, 0.8: 19}
