"""A sweep whose settings have been checked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from convsweep.errors import UserError
from convsweep.space.space import Space
from convsweep.study.callback import StudyCallback


@dataclass
class Sweep:
    """What is to be run, and where it is kept.

    Attributes:
        hydra_context: With the app's callbacks.
        task_function: The app's own.
        config: The sweep's config, `hydra` included.
        space: What is searched and what is fixed.
        settings: The values of the app's config that are the same in all trials, by their full keys.
        callbacks: Those of `hydra.sweeper.callbacks`.
        directory_template: `hydra.sweep.dir` as written; the study's name is filled in.
    """

    hydra_context: HydraContext
    task_function: TaskFunction
    config: DictConfig
    space: Space
    settings: dict[str, Any]
    callbacks: list[StudyCallback]
    directory_template: str

    @property
    def name(self) -> str:
        """The study's name."""
        return self.config.hydra.sweeper.study_name

    @property
    def directory(self) -> Path:
        """The study's folder."""
        return Path(self.config.hydra.sweep.dir)

    def rename(self, name: str) -> None:
        """Give the study a name, and the folder that follows from it."""
        with open_dict(self.config):
            self.config.hydra.sweeper.study_name = name
            self.config.hydra.sweep.dir = self.directory_template
            self.config.hydra.sweep.dir = str(Path(self.config.hydra.sweep.dir).absolute())

    def make_folder(self) -> None:
        """Make the study's folder.

        Raises:
            UserError: It cannot be written to.
        """
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            probe = self.directory / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise UserError(
                f"`hydra.sweep.dir` must be a folder that can be written to, got {self.directory}: "
                f"{error.strerror}; type e.g. hydra.sweep.dir=multirun/{self.name}"
            ) from error
