"""The data's part in the driver of a sweep: found and checked first, decoded once while the workers start."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from convsweep import StudyCallback
from convsweep.errors import UserError
from convsweep.storage import runs_here
from src.config import ConfigError, constraint, settings
from src.config.dataset import DatasetConfig
from src.config.pretrained import full_training
from src.recording.cost import cost

if TYPE_CHECKING:
    from optuna import Study

    from convsweep import TrialHandle

READY = "data_ready:"  # the study's attribute, for each driver: its trials may load the data
PATIENCE = 300.0  # seconds after which a trial loads the data by itself: its driver may be gone


class StudyData(StudyCallback):
    """Prepares the data of all trials; listed under `hydra.sweeper.callbacks`.

    Workers on other machines, with disks of their own, do it themselves.
    """

    def __init__(self) -> None:
        self._wanted: dict[str, tuple[DatasetConfig, int, list[str]]] = {}
        self._tested: dict[str, float | None] = {}
        self._here = True
        self._told: dict[str, None] = {}
        self._notes: dict[str, None] = {}

    def check(self, config: DictConfig) -> list[str]:
        try:
            checked = settings(config)
        except ConfigError:
            return []  # which the study's tracking says
        self._here = runs_here(config)
        if why := full_training(checked.model, checked.augmentation, checked.training):
            self._notes[why] = None
        metrics = constraint.metrics(checked.objective, checked.constraints)
        key = json.dumps([asdict(checked.dataset), checked.seed, metrics])
        if key in self._wanted:
            return []
        dataset = checked.dataset
        fraction = self._tested.setdefault(dataset.name, dataset.test_fraction)
        if fraction != dataset.test_fraction:
            return [
                "`dataset.test_fraction` must be the same in all trials, or some are trained on what others are tested "
                f"by, got {_shown(fraction)} and {_shown(dataset.test_fraction)}; type e.g. dataset.test_fraction="
                f"{_shown(fraction)}"
            ]
        self._wanted[key] = checked.dataset, checked.seed, metrics
        from src.dataset import DatasetError, look  # a tenth of a second, which a mistake in a key need not wait for

        try:
            self._told |= dict.fromkeys(look(checked.dataset, checked.seed, metrics))
        except DatasetError as error:
            return str(error).splitlines()
        return []

    def plan(self) -> list[str]:
        return [f"dataset {note}" for note in self._told]

    def cost(self, values: Mapping[str, Any]) -> tuple[float | None, Mapping[str, Any]] | None:
        return cost(values)

    def on_study_start(self, study: "Study", directory: Path, driver: str) -> None:
        from src.dataset import DatasetError, prepare

        for note in self._notes:
            print(f"model    {note}", flush=True)
        for config, seed, metrics in self._wanted.values() if self._here else ():
            try:
                notes = prepare(config, seed, metrics)
            except DatasetError as error:
                raise UserError(str(error).splitlines()) from error
            for note in (note for note in notes if note not in self._told):
                print(f"dataset  {note}", flush=True)
            self._told |= dict.fromkeys(notes)
        study.set_user_attr(READY + driver, True)


def _shown(value: float | None) -> str:
    return "null" if value is None else f"{value:g}"


def await_data(trial: "TrialHandle") -> bool:
    """Wait until a trial's driver has prepared the data; return False when the trial is told to stop before."""
    deadline = time.monotonic() + PATIENCE
    while not trial.should_stop():
        if trial.study_attrs.get(READY + trial.driver) or time.monotonic() > deadline:
            return True
        time.sleep(0.1)
    return False
