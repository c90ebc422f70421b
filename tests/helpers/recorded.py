"""Recorded curves, for sweeps in virtual time."""

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from convsweep.replay.curves import Curves, of_study

ASHA = {"min_resource": 1, "reduction_factor": 3, "max_resource": None}
LENGTH = 27


def curves(spread: float = 1.0) -> Curves:
    """Return 200 curves of 27 steps, a second or so each, of at most `spread` times as long ones as the shortest."""
    study = optuna.create_study(direction="maximize")
    rng = np.random.default_rng(0)
    for x in rng.uniform(-1, 1, 200):
        values = {step: 1 - abs(x) - 0.1 / step for step in range(1, LENGTH + 1)}
        attrs = {"convsweep:seconds": LENGTH * rng.uniform(1, spread)}
        distributions: dict[str, BaseDistribution] = {"x": FloatDistribution(-1, 1)}
        study.add_trial(
            create_trial(
                state=TrialState.COMPLETE, value=values[LENGTH], params={"x": x}, distributions=distributions,
                intermediate_values=values, system_attrs=attrs,
            )
        )  # fmt: skip
    return of_study(study)
