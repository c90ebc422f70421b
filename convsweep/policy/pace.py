"""How long a trial's steps take, and what it takes besides: noted by the trials themselves where time is the budget.

A process's first step has imports, decoding and tracing in it, and says nothing of the next ones. A later trial's first
step has its tracing in it, which every trial pays that is started or goes on.
"""

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from convsweep.policy.work import last_step, seconds_of

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

PACE = "convsweep:pace"  # of a trial: the fields of Pace


@dataclass
class Pace:
    """What a trial noted of itself, over all times that it was taken.

    Attributes:
        steps: How many steps followed another one.
        seconds: What these took together.
        first: Seconds to the first step since it was taken, in a process that had run another one; None: not known.
        after: Seconds from the last step to the end; None: not known.
    """

    steps: int = 0
    seconds: float = 0.0
    first: float | None = None
    after: float | None = None

    @classmethod
    def of(cls, trial: "FrozenTrial") -> "Pace":
        return cls(*trial.system_attrs.get(PACE, ()))

    @property
    def step(self) -> float | None:
        """Seconds a step."""
        return self.seconds / self.steps if self.steps else None


class Stopwatch:
    """Takes the time of a running trial's steps.

    Args:
        pace: What an earlier run of the trial noted.
        warm: Whether this process has run a step before.
        clock: Says the time in seconds.
    """

    def __init__(self, pace: Pace, warm: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self.pace = pace
        self.clock = clock
        self._warm, self._first = warm, True
        self._last = clock()

    def step(self) -> None:
        now = self.clock()
        if not self._first:
            self.pace.steps += 1
            self.pace.seconds += round(now - self._last, 3)
        elif self._warm:
            self.pace.first = round(now - self._last, 3)
        self._first, self._last = False, now

    def end(self) -> None:
        self.pace.after = round(self.clock() - self._last, 3)


@dataclass(frozen=True)
class Paces:
    """What is known of all trials together, for those of which it is not: medians, None for nothing.

    Attributes:
        step: Seconds a step.
        start: Seconds that the first step takes longer, in a process that has run another one.
        after: Seconds from the last step to the end.
        cold: Seconds that a process's first trial takes longer than another one.
    """

    step: float | None
    start: float
    after: float
    cold: float = 0.0

    @classmethod
    def of(cls, trials: "Iterable[FrozenTrial]") -> "Paces":
        trials = [trial for trial in trials if PACE in trial.system_attrs]
        paces = [Pace.of(trial) for trial in trials]
        steps = [pace.step for pace in paces if pace.step is not None]
        starts = [max(0.0, p.first - p.step) for p in paces if p.first is not None and p.step is not None]
        start = statistics.median(starts) if starts else 0.0
        # Where no trial has taken two steps in a row, their first ones must do.
        steps = steps or [pace.first for pace in paces if pace.first is not None]
        after = [pace.after for pace in paces if pace.after is not None]
        known = cls(statistics.median(steps) if steps else None, start, statistics.median(after) if after else 0.0)
        cold = [known._beyond(trial) for trial in trials if trial.state.name == "COMPLETE" and not Pace.of(trial).first]
        return replace(known, cold=max(0.0, statistics.median(cold))) if cold else known

    def _beyond(self, trial: "FrozenTrial") -> float:
        """Return how much longer a complete trial took than in a process that has run another one."""
        return seconds_of(trial) - self.start - (self.step_of(trial) or 0.0) * last_step(trial) - self.after

    def step_of(self, trial: "FrozenTrial") -> float | None:
        """Return how long a step of the trial takes, as far as can be told."""
        pace = Pace.of(trial)
        if pace.step is not None:
            return pace.step
        if pace.first is not None:
            return pace.first - self.start if pace.first > self.start else pace.first
        return self.step
