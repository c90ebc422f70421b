"""Samplers as they are set up."""

from typing import Any

from omegaconf import OmegaConf

from convsweep.sampling.instantiate import make_sampler


def test_tpe_looks_at_groups_of_keys_where_there_are_conditions_unless_told_otherwise() -> None:
    def grouped(conditional: bool, **given: Any) -> Any:
        config = OmegaConf.create({"_target_": "optuna.samplers.TPESampler", **given})
        return getattr(make_sampler(config, 0, 0, conditional=conditional), "_group")  # noqa: B009

    assert [grouped(True), grouped(True, group=None), grouped(False)] == [True, True, False]
    assert [grouped(True, group=False), grouped(True, multivariate=False)] == [False, False]
