"""What would it have cost? Recorded learning curves, and sweeps over them in virtual time."""

from convsweep.replay.curves import Curves, load, of_study, save
from convsweep.replay.simulation import Replay, simulate

__all__ = ["Curves", "Replay", "load", "of_study", "save", "simulate"]
