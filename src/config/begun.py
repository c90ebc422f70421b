"""Defaults that have changed: a study that was begun before goes on by those of then, to its last trial."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from src.config.schema import Config
from src.config.training import EPOCH, RUNNING

GROUP, KEY = "training", "norm_statistics"


def as_begun(config: Config, study: Mapping[str, Any]) -> Config:
    """Return a trial's config as its study has it: what it knows no key of is as it was before there was one.

    Args:
        config: As it is composed today.
        study: The attributes of the study, which say what it searches and with which settings.
    """
    begun = study.get("convsweep")
    if begun is None:
        return config
    known = {*begun.get("settings", {}), *begun.get("space", {}), *begun.get("inside", ())}
    if f"{GROUP}.{KEY}" in known:
        return config
    return replace(config, training=replace(config.training, norm_statistics=RUNNING))


def new_defaults(config: Mapping[str, Any]) -> list[str]:
    """Return the keys whose value is a default that a study of before knows nothing of, and is no other one for."""
    return [f"{GROUP}.{KEY}"] if config[GROUP].get(KEY) == EPOCH else []
