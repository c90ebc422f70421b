"""Studies that were made up, so that it is known what mattered in them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

SPACE: dict[str, BaseDistribution] = {
    "optimizer": CategoricalDistribution(("adam", "nadam", "sgd")),
    "optimizer.learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
    "model.filters": CategoricalDistribution((16, 32, 64)),
    "model.depth": IntDistribution(1, 4),
    "model.dropout": FloatDistribution(0, 0.5),
}


def draw(distribution: BaseDistribution, generator: np.random.Generator) -> Any:
    """Draw a value as a random sampler does."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[generator.integers(len(distribution.choices))]
    if isinstance(distribution, IntDistribution):
        return (
            int(generator.integers((distribution.high - distribution.low) // distribution.step + 1))
            * (distribution.step)
            + distribution.low
        )
    assert isinstance(distribution, FloatDistribution)
    low, high, step = distribution.low, distribution.high, distribution.step
    if step is not None:
        return float(low + step * generator.integers(round((high - low) / step) + 1))
    return float(
        np.exp(generator.uniform(np.log(low), np.log(high))) if distribution.log else generator.uniform(low, high)
    )


def made_up(
    value: Callable[[dict[str, Any]], float],
    trials: int = 40,
    seed: int = 0,
    space: Mapping[str, BaseDistribution] = SPACE,
    noise: float = 1.0,
    directions: Sequence[Literal["minimize", "maximize"]] = ("maximize",),
    study: optuna.Study | None = None,
) -> optuna.Study:
    """Return a study whose values are those of a function, plus normal noise."""
    generator = np.random.default_rng(seed)
    found = study or optuna.create_study(directions=directions)
    made = []
    for _ in range(trials):
        params = {key: draw(distribution, generator) for key, distribution in space.items()}
        values = [value(params) + noise * float(generator.normal()) for _ in directions]
        made.append(create_trial(state=TrialState.COMPLETE, values=values, params=params, distributions=dict(space)))
    found.add_trials(made)
    return found
