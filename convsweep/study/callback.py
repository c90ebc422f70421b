"""An app's part in the driver of a sweep."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

if TYPE_CHECKING:
    from optuna import Study


class StudyCallback:
    """What an app may do in the driver of a sweep. List subclasses under `hydra.sweeper.callbacks`.

    Trials run in other processes, or on other machines: what they need from here goes through the study's
    user attributes, which a trial reads as `current_trial().study_attrs`.
    """

    def check(self, config: DictConfig) -> list[str]:
        """Return what is wrong with a trial's config, one line a problem.

        Called before anything is created, with enough configs that each searched value appears in one.
        """
        return []

    def defaults(self, config: DictConfig) -> list[str]:
        """Return settings, by their full keys, whose value is what an app without such a key would do.

        A study that was begun before there was one is no other study for it. Defaults of a dataclass are known.
        """
        return []

    def cost(self, values: Mapping[str, Any]) -> tuple[float | None, Mapping[str, Any]] | None:
        """Return what a trial's time follows from; None where the app does not say.

        First how much the trial has to do, in any unit, such as images that the network is shown; None where that is
        not known. Then what its time goes by besides, by full keys: of two trials that agree in these, one is expected
        to take as many times as long as it has more to do. What is left out costs nothing worth to speak of.

        Args:
            values: The trial's config, by full keys; interpolations are as they are written.
        """
        return None

    def plan(self) -> list[str]:
        """Return lines for the user on what the trials are about, after their configs were checked.

        They are shown with the sweep's plan, where nothing but that is asked for as well (`dry_run`).
        """
        return []

    def on_study_start(self, study: "Study", directory: Path, driver: str) -> None:
        """Prepare for the trials, in a thread beside the workers, which are starting.

        Other drivers may do the same for the same study, on other machines: `with alone(study):` keeps them
        out. `driver` is the id of this one, which its trials have as `current_trial().driver`.
        """

    def on_study_end(self, study: "Study", directory: Path) -> None:
        """Look back on the study, finished or interrupted; no worker runs any more."""
