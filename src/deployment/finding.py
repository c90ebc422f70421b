"""From what a user types to a kept model: a study, a trial, a champion, a run, a file."""

from pathlib import Path

from src.deployment.kept import (
    CALIBRATION,
    PREPROCESSING,
    KeptModel,
    ModelNotFound,
    read_preprocessing,
    read_temperature,
)
from src.deployment.names import Names
from src.process import program
from src.tracking import Lookup, NotHere, Run, Version, look_up, tracking_uri

MODEL_FILE = "model.keras"


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
        return _Finder(look_up(uri), tracking_uri(uri)).find(name)
    except NotHere as error:
        raise ModelNotFound(str(error)) from error


def find_run(name: str, uri: str | None = None) -> tuple[Run, Lookup]:
    """Return the run that a name means, and where it was found; names are those of `find_model`, but for files.

    Raises:
        ModelNotFound: There is none.
    """
    try:
        lookup = look_up(uri)
        found = Names(lookup, tracking_uri(uri)).find(name, kept=False)
        if isinstance(found, Run):
            return found, lookup
        if found.run_id and (run := lookup.run(found.run_id)) is not None:
            return run, lookup
    except NotHere as error:
        raise ModelNotFound(str(error)) from error
    raise ModelNotFound(f"the run of {found.name}, version {found.version}, is not there any more")


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


class _Finder:
    """A store whose models are looked for."""

    def __init__(self, lookup: Lookup, uri: str) -> None:
        self._lookup, self._uri, self._names = lookup, uri, Names(lookup, uri)

    def find(self, name: str) -> KeptModel:
        if name.startswith("models:/m-"):
            model_id = name.removeprefix("models:/")
            return self._of_files(f"model {model_id}", self._lookup.location(model_id), None, model_id)
        if name.startswith("models:/"):
            plain = name.removeprefix("models:/")
            found = self._names.registered(plain)
            if found is None:
                raise ModelNotFound(self._names.unknown(plain, plain, []))
        else:
            found = self._names.find(name, kept=True)
        return self._of_version(found) if isinstance(found, Version) else self._of_run(found, name)

    def _of_run(self, run: Run, name: str) -> KeptModel:
        if run.model_id is None:
            version = self._names.registered(name)  # by default a model is registered under its study's name
            also = (
                f"; the registered model {version.name}, version {version.version}, is models:/{name}"
                if version
                else ""
            )
            raise ModelNotFound(f"{run.words} has no kept model{self._names.instead_of(run)}{also}")
        return self._of_files(run.words, self._lookup.location(run.model_id), run, run.model_id)

    def _of_version(self, version: Version) -> KeptModel:
        words = f"{version.name}, version {version.version}" + "".join(f", {alias}" for alias in version.aliases)
        run = self._lookup.run(version.run_id) if version.run_id else None
        return self._of_files(words, version.source, run, run.model_id if run else None)

    def _of_files(self, words: str, location: str | None, run: Run | None, model_id: str | None) -> KeptModel:
        if location is None:
            raise ModelNotFound(f"the model of {words} has been deleted; {_anew(run)}")
        try:
            folder = self._lookup.fetch(location)
        except NotHere as error:
            raise ModelNotFound(f"the model of {words} cannot be had: {error}; {_anew(run)}") from error
        if (file := _file_in(folder)) is None:
            raise ModelNotFound(f"the model of {words} cannot be had: {folder} holds no {MODEL_FILE}; {_anew(run)}")
        beside = folder / PREPROCESSING
        if not beside.exists() and run is not None:  # as models were kept at first
            try:
                beside = self._lookup.fetch(run.artifacts, PREPROCESSING)
            except NotHere as error:
                raise ModelNotFound(f"{words} has no {PREPROCESSING}: {error}; {_anew(run)}") from error
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


def _anew(run: Run | None) -> str:
    if run is not None and run.is_final:
        return f"the command of {program('finalize')} {run.study}, typed once more, records it again"
    return f"{program('reproduce')} {run.run_id} trains it again" if run else "train again"
