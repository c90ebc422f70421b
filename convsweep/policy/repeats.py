"""Trials that train another one's configuration again, with a seed of their own; and the part of a budget for that."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

from omegaconf import DictConfig

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

REPEATS = "convsweep:repeats"  # of a trial: the number of the one that it repeats, and which repeat it is, from 0
COUNTS = re.compile(r"(\d+)\s*x\s*(\d+)")
_OWN = crc32(b"repeat")  # keeps the seeds of repeats apart from those of other trials


def is_repeat(trial: "FrozenTrial") -> bool:
    return trial.system_attrs.get(REPEATS) is not None  # None of one that is to repeat nothing any more


def repeated_number(trial: "FrozenTrial") -> int | None:
    """Return the number of the trial that a trial repeats, None where it repeats none."""
    return trial.system_attrs[REPEATS][0] if is_repeat(trial) else None


def seed_parts(trial: "FrozenTrial") -> tuple[int, ...]:
    """Return what a trial's seed is derived from, beside the study's: its number, or which repeat it is.

    The first repeats of all configurations have one seed, the second ones another: their values can be paired.
    """
    return (trial.system_attrs[REPEATS][1], _OWN) if is_repeat(trial) else (trial.number,)


@dataclass(frozen=True)
class Confirmation:
    """The last part of a budget: so many of the best configurations are trained again, so many times each."""

    candidates: int
    seeds: int

    @classmethod
    def of(cls, sweeper: DictConfig) -> "Confirmation | None":
        """Return what `hydra.sweeper.confirm` says; None for null, and for what `check` objects to."""
        found = COUNTS.fullmatch(str(sweeper.get("confirm")).strip().lower())
        if found is None or not (int(found[1]) and int(found[2])):
            return None
        return cls(int(found[1]), int(found[2]))

    @property
    def trials(self) -> int:
        return self.candidates * self.seeds
