"""Spaces and studies in memory, for tests of what is searched and drawn."""

from collections.abc import Mapping
from typing import Any

import optuna
from omegaconf import DictConfig, OmegaConf
from optuna.trial import TrialState

from convsweep.sampling.draw import draw
from convsweep.space.conditions import restrict
from convsweep.space.grammar import parse
from convsweep.space.space import Space
from convsweep.study.queue import fill

CHAIN = {"b": "a=2,3", "c": ["b=true", "a=3"]}


def space(*overrides: str, conditions: Mapping[str, Any] = CHAIN) -> Space:
    config = {"fixed": 1.5, "nested": {"flag": True}, "hydra": {"runtime": {"choices": {"model": "cnn"}}}}
    return restrict(parse(overrides, {}), conditions, lambda _: OmegaConf.create(config))


def chain() -> Space:
    return space("c=x,y", "a=1,2,3", "b=true,false")


def study_of(found: Space, n_trials: int = 0, **kept: Any) -> optuna.Study:
    study = optuna.create_study(**kept)
    study.set_user_attr("seed", 3)
    fill(study, found, n_trials)
    return study


SWEEPER = OmegaConf.create(
    {
        "sampler": {"_target_": "optuna.samplers.TPESampler", "n_startup_trials": 4},
        "skip_duplicates": True,
        "scheduler": {},
    }
)


def run(study: optuna.Study, found: Space, sweeper: DictConfig = SWEEPER) -> list[dict[str, Any]]:
    """Draw and tell all waiting trials, the objective being how far the numbers are from 0."""
    for trial in study.get_trials(states=(TrialState.WAITING,)):
        study._storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
        params = draw(study, study.trials[trial.number], found, sweeper, lambda _: OmegaConf.create())
        assert params == study.trials[trial.number].params
        study.tell(trial.number, sum(abs(v) for v in params.values() if isinstance(v, (int, float))))
    return [trial.params for trial in study.trials]


def finish(study: optuna.Study, found: Space, x: float, value: float | None = None, **constraints: float) -> None:
    """Add a trial: complete with a value, else failed."""
    state = TrialState.FAIL if value is None else TrialState.COMPLETE
    distributions = {"x": found.parameters["x"].distribution}
    study.add_trial(
        optuna.trial.create_trial(
            state=state, value=value, params={"x": x}, distributions=distributions, constraints=constraints
        )
    )
