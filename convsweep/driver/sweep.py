"""A sweep whose settings have been checked."""

import copy
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from convsweep.display.command import typed_command
from convsweep.errors import UserError
from convsweep.space.compose import Composer
from convsweep.space.space import Space
from convsweep.space.values import as_override_value
from convsweep.storage.folder import folder_name
from convsweep.study.callback import StudyCallback

MULTIRUN = "multirun.yaml"  # the config of a sweep in its folder, as Hydra's own sweepers leave it


class Steps:
    """How many steps a trial has, by its searched values: what `max_resource` is for it.

    Attributes:
        named: The keys that `max_resource` follows.
        keys: Those of them that are searched.
    """

    def __init__(self, config: DictConfig, space: Space) -> None:
        written: Any = OmegaConf.to_container(config.hydra.sweeper, resolve=False)
        self.named = re.findall(r"\$\{([\w.]+)\}", str(written["max_resource"]))
        self.keys = [key for key in self.named if key in space.parameters]
        self._config = copy.deepcopy(config) if self.keys else config
        self._own = {key: OmegaConf.select(config, key) for key in self.keys}

    def __call__(self, params: Mapping[str, Any]) -> Any:
        for key in self.keys:
            OmegaConf.update(self._config, key, params.get(key, self._own[key]), force_add=True)
        return self._config.hydra.sweeper.max_resource


@dataclass
class Sweep:
    """What is to be run, and where it is kept.

    Attributes:
        hydra_context: With the app's callbacks.
        task_function: The app's own.
        config: The sweep's config, `hydra` included.
        compose: Makes a trial's config of overrides.
        space: What is searched and what is fixed.
        settings: The values of the app's config that are the same in all trials, by their full keys.
        callbacks: Those of `hydra.sweeper.callbacks`.
        written: `hydra.sweep.dir`, `hydra.sweeper.study_name` and `hydra.sweeper.storage` as the config has them,
            before anything in them is filled in.
        steps: How many steps a trial of certain searched values has.
        defaults: Those of the settings that are what the app's schema has anyway.
        inside: The full keys of a trial's config that are searched, those inside of groups too.
    """

    hydra_context: HydraContext
    task_function: TaskFunction
    config: DictConfig
    compose: Composer
    space: Space
    settings: dict[str, Any]
    callbacks: list[StudyCallback]
    written: dict[str, Any]
    steps: Steps
    defaults: set[str] = field(default_factory=set)
    inside: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The study's name."""
        return self.config.hydra.sweeper.study_name

    @property
    def directory(self) -> Path:
        """The study's folder."""
        return Path(self.config.hydra.sweep.dir)

    @property
    def of_today(self) -> tuple[set[str], list[str]]:
        """What a study is told of the keys that there are on its first day."""
        return self.defaults, self.inside

    def rename(self, name: str, apart_from: Path | None = None) -> None:
        """Give the study a name, and the folder that follows from it; another one than another study's."""
        with open_dict(self.config):
            self.config.hydra.sweeper.study_name = folder_name(name)
            self.config.hydra.sweep.dir = self.written["hydra.sweep.dir"]
            _let_hydra_know(self.config)
            folder = Path(self.config.hydra.sweep.dir).absolute()
            if count := re.fullmatch(rf"{re.escape(str(folder))}(-\d+)?", str(apart_from)):  # it does not tell the name
                folder = Path(f"{folder}{int(count[1] or -1) - 1}")
            self.config.hydra.sweep.dir = str(folder)
            self.config.hydra.sweeper.study_name = name
        _let_hydra_know(self.config)

    def command(self, *more: str) -> str:
        """Return the command that takes this study up again, plus overrides."""
        given = {override.split("=")[0] for override in more}
        return typed_command(*(o for o in self._of_the_moment() if o.split("=")[0] not in given), *more)

    def another(self) -> str:
        """Return the command that makes the same study once more, beside this one."""
        more = [f"hydra.sweeper.study_name={as_override_value(f'{self.name}-2')}"]
        if folder_name(self.name) not in str(self.directory):  # the folder does not follow the name
            more.append(f"hydra.sweep.dir={as_override_value(f'{_shortest(str(self.directory))}-2')}")
        return self.command(*more)

    def beside(self, *more: str) -> str:
        """Return the command that searches on in a study of its own, which starts from this one."""
        moment = self._of_the_moment()
        kept = [override for override in moment if not override.startswith("hydra.sweep.dir=")]
        here, earlier = _shortest(str(self.directory)), self.name
        if self.config.hydra.sweeper.storage is None and self.directory.name != folder_name(self.name):
            earlier = here
            if kept == moment and folder_name(self.name) not in str(self.directory):  # the folder is fixed
                kept.append(f"hydra.sweep.dir={as_override_value(f'{here}-2')}")
        new = ["hydra.sweeper.on_change=new", f"hydra.sweeper.warm_start_from={as_override_value(earlier)}"]
        return typed_command(*kept, *more, *new)

    def _of_the_moment(self) -> list[str]:
        """Return overrides for where the study is, as far as another moment would have it elsewhere.

        Hydra's own default is a folder of the day and the second.
        """
        other = copy.deepcopy(self.config)
        OmegaConf.clear_cache(other)
        written = {key: text for key, text in self.written.items() if text is not None}
        found = []
        OmegaConf.register_new_resolver("now", lambda pattern: f"then {pattern}", replace=True)
        try:
            with open_dict(other):
                for key, text in written.items():
                    OmegaConf.update(other, key, text)
                name = str(other.hydra.sweeper.study_name)
                other.hydra.sweeper.study_name = folder_name(name)
                other.hydra.sweep.dir = str(other.hydra.sweep.dir)
                other.hydra.sweeper.study_name = name
            for key in written:
                here, there = str(OmegaConf.select(self.config, key)), str(OmegaConf.select(other, key))
                if here not in (there, os.path.abspath(there)):
                    here = _shortest(here) if key == "hydra.sweep.dir" else here
                    found.append(f"{key}={as_override_value(here)}")
        finally:
            setup_globals()  # has `now` among them
        return found

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


def _let_hydra_know(config: DictConfig) -> None:
    """Set what ${hydra:...} reads; a copy, since it becomes read-only."""
    HydraConfig.instance().set_config(copy.deepcopy(config))


def _shortest(path: str) -> str:
    relative = os.path.relpath(path)
    return relative if os.path.isabs(path) and not relative.startswith("..") else path
