"""An app's part in the driver of a sweep."""

from pathlib import Path
from typing import TYPE_CHECKING

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

    def on_study_start(self, study: "Study", directory: Path, driver: str) -> None:
        """Prepare for the trials, in a thread beside the workers, which are starting.

        Other drivers may do the same for the same study, on other machines: `with alone(study):` keeps them
        out. `driver` is the id of this one, which its trials have as `current_trial().driver`.
        """

    def on_study_end(self, study: "Study", directory: Path) -> None:
        """Look back on the study, finished or interrupted; no worker runs any more."""
