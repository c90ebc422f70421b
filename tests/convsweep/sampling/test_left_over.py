"""Another class by `_target_` over an option's keys: one line, with the option that fits."""

from typing import Any

import pytest
from omegaconf import OmegaConf

from convsweep.errors import UserError
from convsweep.sampling.instantiate import make_pruner, make_sampler

HALVING = {"min_resource": 3, "reduction_factor": 3}
TPE = {"seed": None, "n_startup_trials": 10, "n_ei_candidates": 24, "multivariate": None, "group": None,
       "constant_liar": True}  # fmt: skip

ROWS: list[tuple[Any, dict[str, Any], str, list[str]]] = [
    (make_pruner, HALVING, "optuna.pruners.MedianPruner", ["type hydra/sweeper/pruner=median,"]),
    (make_pruner, HALVING, "optuna.pruners.PercentilePruner", ["an option that has none: hydra/sweeper/pruner=none,"]),
    (make_sampler, TPE, "optuna.samplers.NSGAIISampler", ["type hydra/sweeper/sampler=nsgaii,"]),
    (make_sampler, TPE, "optuna.samplers.RandomSampler", ["type hydra/sweeper/sampler=random,"]),
    (make_sampler, TPE, "optuna.samplers.GPSampler", ["type hydra/sweeper/sampler=gp,"]),
    (make_sampler, {**TPE, "mine": 1}, "optuna.samplers.NSGAIISampler", ["sampler=nsgaii,", "sampler.mine` is no"]),
    (make_sampler, {"seed": None, "mine": 1}, "optuna.samplers.RandomSampler", ["sampler.mine` is no argument"]),
]


@pytest.mark.parametrize(("make", "keys", "target", "messages"), ROWS, ids=[f"{row[2]} {len(row[3])}" for row in ROWS])
def test_what_an_option_has_left_behind_is_one_line(
    make: Any, keys: dict[str, Any], target: str, messages: list[str]
) -> None:
    with pytest.raises(UserError) as caught:
        make(OmegaConf.create({"_target_": target, **keys}), *([0, 0] if make is make_sampler else []))
    assert len(caught.value.problems) == len(messages)
    for problem, message in zip(caught.value.problems, messages, strict=True):
        assert message in problem


def test_a_class_that_takes_no_seed_is_made_without_one() -> None:
    made = make_sampler(OmegaConf.create({"_target_": "optuna.samplers.PartialFixedSampler", "seed": None,
                                          "fixed_params": {}, "base_sampler": None}), 0, 0)  # fmt: skip
    assert type(made).__name__ == "PartialFixedSampler"
