"""Study callbacks: one that ends in another way at each moment, what an app may do there by mistake; one that plans."""

import sys
from pathlib import Path

from optuna import Study

from convsweep.study.callback import StudyCallback


class Broken(StudyCallback):
    """Fails at the start or at the end, by an error or by leaving."""

    def __init__(self, moment: str, leave: bool = False) -> None:
        self.moment, self.leave = moment, leave

    def _break(self) -> None:
        if self.leave:
            sys.exit(0)
        raise RuntimeError("\x1b[31mred" + "z" * 1000)

    def on_study_start(self, study: Study, directory: Path, driver: str) -> None:
        if self.moment == "start":
            self._break()

    def on_study_end(self, study: Study, directory: Path) -> None:
        if self.moment == "end":
            self._break()


class Planning(StudyCallback):
    """Has a line for the plan."""

    def plan(self) -> list[str]:
        return ["toys    three of wood"]
