"""Settings of the group `schedule`: how the learning rate changes during a training run."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hydra.core.config_store import ConfigStore


@dataclass(kw_only=True)
class ScheduleConfig:
    """What every schedule has. The rate that it starts from or rises to is `optimizer.learning_rate`."""

    name: str


@dataclass(kw_only=True)
class Constant(ScheduleConfig):
    """The same rate in every step."""

    name: str = "constant"


@dataclass(kw_only=True)
class Cosine(ScheduleConfig):
    """Half a cosine down, by step."""

    name: str = "cosine"
    warmup: float  # the part of all steps in which the rate rises linearly from 0
    final_fraction: float  # of the rate, after the last step


@dataclass(kw_only=True)
class OneCycle(ScheduleConfig):
    """Half a cosine up and half a cosine down, by step."""

    name: str = "one_cycle"
    warmup: float  # the part of all steps in which the rate rises
    initial_divisor: float  # the first rate is the highest over this
    final_divisor: float  # the rate after the last step is the highest over this


@dataclass(kw_only=True)
class Triangle(ScheduleConfig):
    """A straight line up and a straight line down, by step."""

    name: str = "triangle"
    warmup: float  # the part of all steps in which the rate rises
    initial_fraction: float  # of the highest rate, before the first step
    final_fraction: float  # of the highest rate, after the last step


@dataclass(kw_only=True)
class Plateau(ScheduleConfig):
    """Lower after epochs without a better `val_loss`."""

    name: str = "plateau"
    factor: float  # of the rate, each time
    patience: int  # epochs without a better val_loss
    min_rate: float  # not lowered further


SCHEDULES: dict[str, type[ScheduleConfig]] = {
    "constant": Constant,
    "cosine": Cosine,
    "one_cycle": OneCycle,
    "triangle": Triangle,
    "plateau": Plateau,
}


def register(store: ConfigStore) -> None:
    """Store each schema as `schemas/schedule/<name>`, for the defaults list of `conf/schedule/<name>.yaml`."""
    for name, schema in SCHEDULES.items():
        store.store(group="schemas/schedule", name=name, node=schema)


# A test, its wording, and a value that passes. Comparisons from both sides refuse NaN and infinity.
_RULES = {
    "cosine.warmup": (lambda value: 0 <= value < 1, "at least 0 and below 1", "0"),
    "cosine.final_fraction": (lambda value: 0 <= value <= 1, "a number from 0 to 1", "0"),
    "one_cycle.warmup": (lambda value: 0 < value < 1, "above 0 and below 1", "0.25"),
    "one_cycle.initial_divisor": (lambda value: 1 <= value < float("inf"), "a number from 1 up", "25"),
    "one_cycle.final_divisor": (lambda value: 1 <= value < float("inf"), "a number from 1 up", "1e5"),
    "triangle.warmup": (lambda value: 0 < value < 1, "above 0 and below 1", "0.23"),
    "triangle.initial_fraction": (lambda value: 0 <= value <= 1, "a number from 0 to 1", "0.2"),
    "triangle.final_fraction": (lambda value: 0 <= value <= 1, "a number from 0 to 1", "0.07"),
    "plateau.factor": (lambda value: 0 < value < 1, "above 0 and below 1", "0.5"),
    "plateau.patience": (lambda value: value >= 1, "1 or more epochs", "2"),
    "plateau.min_rate": (lambda value: 0 <= value < float("inf"), "a number from 0 up", "1e-5"),
}


def check(config: ScheduleConfig) -> list[str]:
    """List what is wrong with the values of `config`, a line each: key, expected, got, what to type instead."""
    (name,) = (name for name, schema in SCHEDULES.items() if schema is type(config))
    if config.name != name:
        return [f"`schedule.name` must be {name}, got {config.name}; type e.g. schedule={config.name}"]
    problems = []
    for key in (field.name for field in fields(config) if field.name != "name"):
        holds, expected, instead = _RULES[f"{config.name}.{key}"]
        if not holds(value := getattr(config, key)):
            problems.append(f"`schedule.{key}` must be {expected}, got {value}; type e.g. schedule.{key}={instead}")
    return problems
