"""From what a user types to a kept model: a study, a trial, a champion, a run, a file."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from convsweep.errors import UserError, nearest
from convsweep.storage import folder_name
from convsweep.study import SOURCE, find_study
from src.config.objective import directions, objectives
from src.deployment.kept import (
    CALIBRATION,
    PREPROCESSING,
    KeptModel,
    ModelNotFound,
    read_preprocessing,
    read_temperature,
)
from src.tracking import CHAMPION, Lookup, NotHere, Run, Version, look_up, tracking_uri

STUDIES = Path("multirun")
MODEL_FILE = "model.keras"
RUN_ID = re.compile(r"[0-9a-f]{32}")
TRIAL = re.compile(r"(?:trial[-_])?0*(\d+)")
SHOWN = 8  # names of a kind in a message


def find_model(name: str, uri: str | None = None) -> KeptModel:
    """Return the kept model that a name means.

    Args:
        name: A study's name or folder (its best trial's model); `study/12`, a trial; `champion`, or a registered
            model's name, also as `name@alias`, `name/version` or MLflow's `models:/...`; a run's id; a `.keras` file,
            or a folder with one.
        uri: As in `tracking.uri`.

    Raises:
        ModelNotFound: There is none; the message lists the nearest names.
    """
    path = Path(name).expanduser()
    if path.is_file() or name.endswith(".keras"):
        return _of_file(path)
    if path.is_dir() and (file := _file_in(path)) is not None:
        return _of_file(file)
    try:
        return _Search(look_up(uri), tracking_uri(uri)).find(name)
    except NotHere as error:
        raise ModelNotFound(str(error)) from error


def find_run(name: str, uri: str | None = None) -> tuple[Run, Lookup]:
    """Return the run that a name means, and where it was found; names are those of `find_model`, but for files.

    Raises:
        ModelNotFound: There is none.
    """
    try:
        lookup = look_up(uri)
        return _Search(lookup, tracking_uri(uri)).find_run(name), lookup
    except NotHere as error:
        raise ModelNotFound(str(error)) from error


def _file_in(folder: Path) -> Path | None:
    """Return the model of an exported folder, or of one as MLflow has them."""
    candidates = [folder / MODEL_FILE, folder / "data" / MODEL_FILE, folder / "model" / "data" / MODEL_FILE]
    return next((file for file in candidates if file.is_file()), None)


def _of_file(file: Path) -> KeptModel:
    if not file.exists():
        raise ModelNotFound(f"there is no file {file}")
    if file.suffix != ".keras":
        raise ModelNotFound(f"{file} must be a model, a .keras file, got a file {file.suffix or 'without an ending'}")
    near = [folder / PREPROCESSING for folder in (file.parent, file.parent.parent)]
    beside = next((place for place in near if place.is_file()), None)
    if beside is None:
        raise ModelNotFound(
            f"{near[0]} is not there: without it nobody knows how {file.name} was given its images, and what its "
            "classes are called; name the run, the trial or the study in place of the file"
        )
    temperature = read_temperature(beside.with_name(CALIBRATION))
    return KeptModel(str(file), file, read_preprocessing(beside), temperature)


class _Search:
    """A store, and what a name may mean in it."""

    def __init__(self, lookup: Lookup, uri: str) -> None:
        self._lookup, self._uri = lookup, uri

    def find(self, name: str) -> KeptModel:
        if name.startswith("models:/"):
            return self._of_model_uri(name.removeprefix("models:/"))
        found = self._find(name)
        if isinstance(found, Version):
            return self._of_version(found)
        if found.is_study and found.study is not None and found.model_id is None:
            return self._best_of(found.study)
        return self._of_run(found)

    def find_run(self, name: str) -> Run:
        found = self._find(name)
        if isinstance(found, Version):
            run = self._lookup.run(found.run_id) if found.run_id else None
            if run is None:
                raise ModelNotFound(f"the run of {found.name}, version {found.version}, is not there any more")
            return run
        if found.is_study and found.study is not None and found.model_id is None:
            return self._best_run(found.study)
        return found

    def _find(self, name: str) -> Run | Version:
        if RUN_ID.fullmatch(name):
            if (run := self._lookup.run(name)) is None:
                raise ModelNotFound(f"there is no run {name} at {self._uri}")
            return run
        if name == CHAMPION:
            return self._champion()
        studies = self._lookup.studies()
        if (study := _named(name, studies)) is not None:
            return self._best_run(study)
        head, _, tail = name.rstrip("/").rpartition("/")
        number = TRIAL.fullmatch(tail)
        if head and number and (study := _named(head, studies)) is not None:
            return self._trial_of(study, int(number[1]))
        if (version := self._registered(name)) is not None:
            return version
        raise ModelNotFound(self._unknown(name, head if head and number else name, studies))

    def _of_model_uri(self, name: str) -> KeptModel:
        if name.startswith("m-") and "/" not in name:
            return self._of_files(f"model {name}", self._lookup.location(name), None, name)
        if (version := self._registered(name)) is None:
            raise ModelNotFound(self._unknown(name, name, []))
        return self._of_version(version)

    def _best_of(self, study: str) -> KeptModel:
        return self._of_run(self._best_run(study))

    def _best_run(self, study: str) -> Run:
        kept = [run for run in self._lookup.runs(study) if run.trial is not None and run.model_id]
        if not kept:
            raise ModelNotFound(self._why_none_is_kept(study))
        return self._best([run for run in kept if run.parent == kept[0].parent])  # the latest study of that name

    def _best(self, kept: list[Run]) -> Run:
        """Return the run whose objective is best; a study that runs has kept those that were the best for a while."""
        valued = [run for run in kept if "objective" in run.metrics]
        if len(kept) == 1 or not valued:
            return kept[0]
        sign = -1.0 if self._maximizes(valued[0]) else 1.0
        return min(valued, key=lambda run: (sign * run.metrics["objective"], run.metrics.get("best_val_loss", 0.0)))

    def _maximizes(self, run: Run) -> bool:
        import yaml

        try:
            config = yaml.safe_load(self._lookup.fetch(run.artifacts, "config.yaml").read_text())
            return directions(objectives(config["objective"]))[0] == "maximize"
        except (NotHere, OSError, KeyError, TypeError, ValueError):
            return True

    def _trial_of(self, study: str, number: int) -> Run:
        runs = self._lookup.runs(study)
        own = [run for run in runs if run.trial == number]
        if not own:
            numbers = sorted({run.trial for run in runs if run.trial is not None})
            there = f"0 to {numbers[-1]}" if numbers else "none yet"
            raise ModelNotFound(f"study {study} has no trial {number}; its trials are {there}")
        return next((run for run in own if run.model_id), own[0])

    def _of_run(self, run: Run) -> KeptModel:
        words = f"trial {run.trial} of study {run.study}" if run.trial is not None else f"run {run.run_id}"
        if run.model_id is None:
            raise ModelNotFound(f"{words} has no kept model{self._instead(run)}")
        return self._of_files(words, self._lookup.location(run.model_id), run, run.model_id)

    def _instead(self, run: Run) -> str:
        if run.study is None or run.trial is None:
            return ": it did not get to its end, or its model has been deleted"
        kept = [other for other in self._lookup.runs(run.study) if other.trial is not None and other.model_id]
        there = f"; type {run.study}/{self._best(kept).trial}" if kept else ""
        return f": a study keeps that of its best trial{there}"

    def _champion(self) -> Version:
        champions = [version for version in self._lookup.versions() if CHAMPION in version.aliases]
        if not champions:
            known = sorted({version.name for version in self._lookup.versions()})
            there = f"; registered are {_some(known)}" if known else ": no model is registered"
            raise ModelNotFound(f"there is no champion at {self._uri}{there}")
        if len(champions) > 1:
            names = ", ".join(f"{version.name}@{CHAMPION}" for version in champions[:SHOWN])
            raise ModelNotFound(f"there are {len(champions)} champions; type one of {names}")
        return champions[0]

    def _registered(self, name: str) -> Version | None:
        """Return a version by `name`, `name@alias` or `name/version`; of a name alone the champion, or the latest."""
        versions = self._lookup.versions()
        if own := [version for version in versions if version.name == name]:
            return next((version for version in own if CHAMPION in version.aliases), own[0])
        for version in versions:
            if name in (f"{version.name}/{version.version}", *(f"{version.name}@{a}" for a in version.aliases)):
                return version
        return None

    def _of_version(self, version: Version) -> KeptModel:
        words = f"{version.name}, version {version.version}" + "".join(f", {alias}" for alias in version.aliases)
        run = self._lookup.run(version.run_id) if version.run_id else None
        return self._of_files(words, version.source, run, run.model_id if run else None)

    def _of_files(self, words: str, location: str | None, run: Run | None, model_id: str | None) -> KeptModel:
        if location is None:
            raise ModelNotFound(f"the model of {words} has been deleted; {self._anew(run)}")
        try:
            folder = self._lookup.fetch(location)
        except NotHere as error:
            raise ModelNotFound(f"the model of {words} cannot be had: {error}; {self._anew(run)}") from error
        if (file := _file_in(folder)) is None:
            raise ModelNotFound(
                f"the model of {words} cannot be had: {folder} holds no {MODEL_FILE}; {self._anew(run)}"
            )
        beside = folder / PREPROCESSING
        if not beside.exists() and run is not None:  # as models were kept at first
            try:
                beside = self._lookup.fetch(run.artifacts, PREPROCESSING)
            except NotHere as error:
                raise ModelNotFound(f"{words} has no {PREPROCESSING}: {error}; {self._anew(run)}") from error
        return KeptModel(
            words,
            file,
            read_preprocessing(beside),
            read_temperature(folder / CALIBRATION),
            run.run_id if run else None,
            model_id,
            run.study if run else None,
            run.trial if run else None,
            self._uri,
        )

    def _anew(self, run: Run | None) -> str:
        return f"python -m src.reproduce {run.run_id} trains it again" if run else "train again"

    def _why_none_is_kept(self, study: str) -> str:
        """Say how a study stands that has no kept model."""
        if (known := _state_of(study)) is not None:
            return known
        return f"study {study} has no kept model at {self._uri}: no trial of it has ended well, or it was deleted"

    def _unknown(self, name: str, wanted: str, studies: list[str]) -> str:
        if (known := _state_of(wanted)) is not None:
            return known
        registered = sorted({version.name for version in self._lookup.versions()})
        files = sorted(str(path) for path in Path().glob("*.keras"))
        kinds = {"studies": studies, "registered models": registered, "files": files}
        there = "; ".join(f"{kind}: {_some(names)}" for kind, names in kinds.items() if names)
        close = nearest(wanted, [*studies, *registered, *files, CHAMPION])
        meant = f"; did you mean {close}{name[len(wanted) :]}?" if close else ""
        return f"no study, trial, registered model, run or file is called {name}; there are {there or 'none'}{meant}"


def _named(name: str, studies: Iterable[str]) -> str | None:
    """Return the study of that name, or with that folder."""
    known = list(studies)
    if name in known:
        return name
    folder = Path(os.path.normpath(name)).name if os.sep in name else None
    return next((study for study in known if folder is not None and folder_name(study) == folder), None)


def _state_of(name: str) -> str | None:
    """Say how a study stands by its own storage; None where there is none of that name."""
    try:
        study = find_study(name, STUDIES, None)
    except UserError:
        return None
    if source := study.user_attrs.get(SOURCE):
        return f"study {study.study_name} trained the best of {source} again, whose model is kept with that: {source}"
    states = [trial.state.name for trial in study.get_trials(deepcopy=False)]
    if "COMPLETE" in states:
        return (
            f"study {study.study_name} has {states.count('COMPLETE')} finished trials, but its models are recorded "
            "elsewhere, or have been deleted; name the store with --uri"
        )
    if states and set(states) == {"FAIL"}:
        return f"all {len(states)} trials of study {study.study_name} failed; python -m src.status {name} says why"
    return f"study {study.study_name} has no finished trial yet; python -m src.status {name} says how it stands"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
