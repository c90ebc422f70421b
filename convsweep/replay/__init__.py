"""What would it have cost? Recorded learning curves, and sweeps over them in virtual time."""

from convsweep.replay.curves import Curves, load, noise_of, of_study, save
from convsweep.replay.honesty import Outcome, intervals, missed, off_by, too_high
from convsweep.replay.simulation import Replay, simulate

__all__ = [
    "Curves", "Outcome", "Replay", "intervals", "load", "missed", "noise_of", "of_study", "off_by", "save", "simulate",
    "too_high",
]  # fmt: skip
