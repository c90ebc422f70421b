"""A budget in time: the driver's clock says when the exploring ends and the best is trained to its end."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from convsweep.policy.policy import OVER, Phase, Policy
from convsweep.policy.repeats import Confirmation

if TYPE_CHECKING:
    from optuna import Study

SPENT = "convsweep:spent"  # of a study: seconds that its drivers have run it for
FINISH = "convsweep:finish:"  # with a driver's id: its phase, which its workers go by
SAVE, LOOK = 10.0, 1.0  # seconds between two notes of the time spent, and between two looks at it
TOLERANCE = 0.05  # by this share the training of a better answer than there is may pass the budget


class TimeBudget:
    """Counts the time of one driver on top of that of earlier ones.

    Args:
        study: The study.
        driver: The driver's id.
        policy: Which trial is next.
        seconds: The budget.
        clock: Says the time in seconds.
        confirmation: How many trials the end of the budget is kept for, None for none.
        workers: How many train them, which are started anew for that.

    Attributes:
        finishing: False while there is time to explore; True once what is left is needed for the training of the
            answer, which is taken back when that proves to be faster than it seemed; OVER when the time is.
    """

    def __init__(
        self,
        study: "Study",
        driver: str,
        policy: Policy,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        confirmation: Confirmation | None = None,
        workers: int = 1,
    ) -> None:
        self.finishing: Phase = False
        self._study, self._driver, self._policy, self._seconds = study, driver, policy, seconds
        self._before = study.user_attrs.get(SPENT, 0.0)
        # Not the clock on the wall, which may be set anew meanwhile.
        self._clock = clock
        self._confirmation, self._workers = confirmation, workers
        self._launching: float | None = None  # seconds until the first of the workers took a trial
        self._started = self._saved = clock()
        self._looked = float("-inf")

    @property
    def spent(self) -> float:
        """Seconds, those of earlier drivers among them."""
        return self._before + self._clock() - self._started

    def look(self) -> None:
        """Tell the workers when it is time to finish, and when it is not any more."""
        now = self._clock()
        if now - self._saved >= SAVE:
            self.save()
        if self.finishing == OVER or now - self._looked < LOOK:
            return
        self._looked = now
        if (phase := self._phase()) != self.finishing:
            self.finishing = phase
            self._study.set_user_attr(FINISH + self._driver, phase)

    def _phase(self) -> Phase:
        policy, study = self._policy, self._study
        if self._launching is None and policy.runs(study, self._driver):
            self._launching = self._clock() - self._started
        kept = 0.0
        if self._confirmation is not None:
            kept = policy.seconds_to_confirm(study, self._confirmation, self._workers) + (self._launching or 0.0)
        if self._seconds - self.spent > policy.seconds_to_finish(study) + kept:
            return False
        if not policy.is_at_work(study):
            return OVER
        if self._seconds > self.spent or not policy.is_answered(study):
            return True
        left = policy.seconds_to_end(study)
        return True if 0 < left <= (1 + TOLERANCE) * self._seconds - self.spent else OVER

    def save(self) -> None:
        """Keep the time spent for the next driver of the study."""
        self._saved = self._clock()
        self._study.set_user_attr(SPENT, round(self.spent, 1))
