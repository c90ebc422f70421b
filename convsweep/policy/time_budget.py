"""A budget in time: the driver's clock says when the exploring ends and the best is trained to its end."""

import time
from typing import TYPE_CHECKING

from convsweep.policy.policy import Policy

if TYPE_CHECKING:
    from optuna import Study

SPENT = "convsweep:spent"  # of a study: seconds that its drivers have run it for
FINISH = "convsweep:finish:"  # with a driver's id: its workers are to take only what the answer needs
SAVE, LOOK = 10.0, 1.0  # seconds between two notes of the time spent, and between two looks at it


class TimeBudget:
    """Counts the time of one driver on top of that of earlier ones.

    Attributes:
        finishing: Whether what is left of the budget is needed for the training of the answer.
    """

    def __init__(self, study: "Study", driver: str, policy: Policy, seconds: float) -> None:
        self.finishing = False
        self._study, self._driver, self._policy, self._seconds = study, driver, policy, seconds
        self._before = study.user_attrs.get(SPENT, 0.0)
        # Not the clock on the wall, which may be set anew meanwhile.
        self._started = self._saved = time.monotonic()
        self._looked = float("-inf")

    @property
    def spent(self) -> float:
        """Seconds, those of earlier drivers among them."""
        return self._before + time.monotonic() - self._started

    def look(self) -> None:
        """Tell the workers when it is time to finish."""
        now = time.monotonic()
        if now - self._saved >= SAVE:
            self.save()
        if self.finishing or now - self._looked < LOOK:
            return
        self._looked = now
        if self._seconds - self.spent <= self._policy.seconds_to_finish(self._study):
            self.finishing = True
            self._study.set_user_attr(FINISH + self._driver, True)

    def save(self) -> None:
        """Keep the time spent for the next driver of the study."""
        self._saved = time.monotonic()
        self._study.set_user_attr(SPENT, round(self.spent, 1))
