"""Of two draws the faster one, by hand."""

from contextlib import nullcontext

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.trial import TrialState, create_trial

from benchmarks.faster import faster_draws, fastest
from convsweep.policy.pace import PACE
from convsweep.sampling.draw import propose
from tests.helpers.spaces import SWEEPER, space, study_of

SPACE = space("x=interval(0,1)", conditions={})


def timed_study(count: int) -> optuna.Study:
    """Return a study whose trials at x = 0.05, 0.15, ... take x seconds a step."""
    study = study_of(SPACE)
    for i in range(count):
        x = (i % 10 + 0.5) / 10
        study.add_trial(
            create_trial(
                value=1.0, params={"x": x}, distributions={"x": SPACE.parameters["x"].distribution},
                system_attrs={PACE: [10, 10 * x]},
            )
        )  # fmt: skip
    return study


def test_the_pace_of_the_nearest_is_expected() -> None:
    study = timed_study(10)
    assert fastest(study, SPACE, [{"x": 0.9}, {"x": 0.2}, {"x": 0.5}]) == 1
    assert fastest(timed_study(9), SPACE, [{"x": 0.9}, {"x": 0.2}]) == 0, "of nine nobody knows enough"


@pytest.mark.parametrize("faster", [True, False])
def test_of_two_draws_the_cheaper_one(faster: bool) -> None:
    random = {"_target_": "optuna.samplers.RandomSampler"}
    sweeper = OmegaConf.create({**SWEEPER, "sampler": random})
    study, drawn = timed_study(10), []
    for _ in range(30):
        study.ask()
        taken = study.get_trials(states=(TrialState.RUNNING,))[-1]
        with faster_draws() if faster else nullcontext():
            drawn.append(propose(study, taken, SPACE, {}, sweeper))
        study.tell(taken.number, state=TrialState.FAIL)
    assert {found.attempt for found in drawn} == {0}
    mean = sum(found.params["x"] for found in drawn) / 30
    assert (mean < 0.42) == faster, "a third for the lesser of two, a half for one"
