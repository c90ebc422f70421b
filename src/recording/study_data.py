"""The data's part in the driver of a sweep: found and checked first, decoded once while the workers start."""

import hashlib
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
from src.config.dataset import CustomConfig, DatasetConfig
from src.config.objective import is_own
from src.config.own_function import OwnFunction
from src.config.own_model import Custom, folder
from src.config.pretrained import full_training
from src.config.source import code_digest
from src.recording.cost import cost

if TYPE_CHECKING:
    from optuna import Study

    from convsweep import TrialHandle

DATA = "data:"  # with a digest of a dataset's settings: what names the content of its parts
CODE = "code:"  # with the path of a function: what names the code that it stands in
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
        self._code: dict[str, str] = {}

    def check(self, config: DictConfig) -> list[str]:
        try:
            checked = settings(config)
        except ConfigError:
            return []  # which the study's tracking says
        self._here = runs_here(config)
        self._goes_on = config.hydra.sweeper.on_change == "continue" if "hydra" in config else False
        if why := full_training(checked.model, checked.augmentation, checked.training):
            self._notes[why] = None
        metrics = constraint.metrics(checked.objective, checked.constraints)
        loss = OwnFunction.of(checked.training.loss)
        called = [str(checked.model.build)] if isinstance(checked.model, Custom) else []
        for path in [*called, *([loss.path] if loss else []), *filter(is_own, metrics)]:
            if digest := code_digest(path, folder()):
                self._code[path] = digest
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

        for path, digest in self._code.items():
            if study.user_attrs.get(CODE + path, digest) != digest and _begun(study):
                note = (
                    f"the file of {path} has changed since earlier trials of this study were trained: if the function "
                    "does another thing now, they cannot be compared; type hydra.sweeper.study_name= and a new name"
                )
                self._notes[note] = None
            study.set_user_attr(CODE + path, digest)
        for note in self._notes:
            print(f"model    {note}", flush=True)
        for config, seed, metrics in self._wanted.values() if self._here else ():
            try:
                notes, digests = prepare(config, seed, metrics)
            except DatasetError as error:
                raise UserError(str(error).splitlines()) from error
            self._compare(study, config, seed, digests)
            for note in (note for note in notes if note not in self._told):
                print(f"dataset  {note}", flush=True)
            self._told |= dict.fromkeys(notes)
        study.set_user_attr(READY + driver, True)

    def _compare(self, study: "Study", config: DatasetConfig, seed: int, digests: Mapping[str, str]) -> None:
        """Refuse images that have changed since a study's trials were trained on them, until they are meant."""
        key = _key(config, seed)
        before = study.user_attrs.get(key)
        if before == digests:
            return
        begun = _begun(study)
        if before is not None and begun and not self._goes_on:
            differ = [part for part in {**before, **digests} if before.get(part) != digests.get(part)]
            trained = "1 trial" if begun == 1 else f"{begun} trials"
            problem = (
                f"`dataset`: the {' and '.join(differ)} part are other images or labels than those that {trained} of "
                f"the study {study.study_name} had, and their values cannot be compared; {_back(config)}, type "
                "hydra.sweeper.study_name= and a new name, or to go on all the same hydra.sweeper.on_change=continue"
            )
            raise UserError([problem])
        study.set_user_attr(key, dict(digests))


def _shown(value: float | None) -> str:
    return "null" if value is None else f"{value:g}"


def _back(config: DatasetConfig) -> str:
    """Return what to do about images that are others than before."""
    if isinstance(config, CustomConfig):
        return "let the function of dataset.load return the same each time, with a seed for what it draws"
    return "put the images and labels back"


def _begun(study: "Study") -> int:
    """Return how many trials have left anything."""
    return sum(bool(trial.values or trial.intermediate_values) for trial in study.get_trials(deepcopy=False))


def _key(config: DatasetConfig, seed: int) -> str:
    """Return the study's attribute for what names the content of a dataset with these settings."""
    return DATA + hashlib.sha1(json.dumps([asdict(config), seed], sort_keys=True).encode()).hexdigest()[:16]


def check_unchanged(trial: "TrialHandle", config: DatasetConfig, seed: int, digests: Mapping[str, str]) -> None:
    """Refuse images that have changed since the trial's driver prepared them.

    Raises:
        DatasetError: They have: the trial would be compared with others that were trained on what they were before.
    """
    from src.dataset import DatasetError

    before = trial.study_attrs.get(_key(config, seed), digests)
    if differ := [part for part in {**before, **digests} if before.get(part) != digests.get(part)]:
        parts = f"{' and '.join(differ)} {'parts have' if len(differ) > 1 else 'part has'}"
        problem = (
            f"`dataset`: the {parts} changed since the sweep began, and this trial could not be compared with the "
            f"others; {_back(config)} and type the command with hydra.sweeper.retry_failed=true, or with "
            "hydra.sweeper.study_name= and a new name"
        )
        raise DatasetError(problem)


def await_data(trial: "TrialHandle") -> bool:
    """Wait until a trial's driver has prepared the data; return False when the trial is told to stop before."""
    deadline = time.monotonic() + PATIENCE
    while not trial.should_stop():
        if trial.study_attrs.get(READY + trial.driver) or time.monotonic() > deadline:
            return True
        time.sleep(0.1)
    return False
