"""Finding a study that exists, by its name or folder, without making one."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from convsweep.errors import UserError, listed
from convsweep.storage.address import is_local
from convsweep.storage.folder import folder_name
from convsweep.storage.opening import open_storage
from convsweep.study.optuna_logging import quieten_optuna

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage

JOURNAL = "journal.log"
DAY = re.compile(r"\d{4}-\d\d-\d\d")  # Hydra's own folder of a sweep is multirun/DAY/TIME
LATEST = 10  # of those that are named where there is no such study


def find_study(name: str, folder: Path, storage: str | None) -> "Study":
    """Return the study of that name.

    Args:
        name: The study's name, or its own folder where that is not in `folder`.
        folder: Where the studies' folders are.
        storage: As in `hydra.sweeper.storage`, None for the journal in the study's own folder.

    Raises:
        UserError: There is no such study; lists those that there are.
    """
    directory = place_of(name, folder)
    if storage is None and not (directory / JOURNAL).exists():
        places = _places(directory.parent)
        known = sorted(place.name for place in places if place.parent == directory.parent)
        known += [str(place) for place in places if place.parent != directory.parent][:LATEST]
        raise UserError(f"no study {name} in {directory.parent}; there are {listed(name, known)}")
    studies = {study.study_name: study for study in _studies(_open(storage, directory))}
    kept = [study for known, study in studies.items() if folder_name(known) == directory.name]
    if not kept and storage is None and len(studies) == 1:  # Hydra's own folders are called by the day and the second
        kept = [*studies.values()]
    if name not in studies and os.sep in name and kept:
        return kept[0]
    if name not in studies:
        raise UserError(f"no study {name} in {storage or directory / JOURNAL}; there are {listed(name, studies)}")
    return studies[name]


def place_of(name: str, folder: Path) -> Path:
    """Return the folder of a study in `folder`, or the one that its own path names."""
    own = folder / folder_name(name)
    return own if own.exists() or os.sep not in name else Path(name)


def find_studies(folder: Path, storage: str | None) -> "Iterator[tuple[Study, Path]]":
    """Yield the studies in the storage, or in the journals of the folders in `folder`, the latest first, with theirs.

    Raises:
        UserError: The storage cannot be read.
    """
    if storage:
        yield from ((study, folder / folder_name(study.study_name)) for study in _studies(_open(storage, folder)))
        return
    yield from ((study, place) for place in _places(folder) for study in _studies(_open(None, place)))


def _places(folder: Path) -> list[Path]:
    """Return the folders of studies in a folder, and in those of its days, where Hydra puts them, the latest first."""
    inside = _folders(folder)
    inside += [time for day in inside if DAY.fullmatch(day.name) for time in _folders(day)]
    written: dict[Path, float] = {}
    for place in inside:
        with suppress(OSError):
            written[place] = os.stat(place / JOURNAL).st_mtime
    return sorted(written, key=written.__getitem__, reverse=True)


def _folders(folder: Path) -> list[Path]:
    with suppress(OSError), os.scandir(folder) as entries:
        return [folder / entry.name for entry in entries if entry.is_dir()]
    return []


def _open(storage: str | None, directory: Path) -> "BaseStorage":
    quieten_optuna()
    # Opening what does not exist would make it.
    file = (storage or str(directory / JOURNAL)).removeprefix("sqlite:///")
    if is_local(file) and not Path(file).exists():
        raise UserError(f"there is no storage {file}")
    return open_storage(storage, directory)


def _studies(storage: "BaseStorage") -> "list[Study]":
    import optuna

    return [optuna.load_study(study_name=s.study_name, storage=storage) for s in storage.get_all_studies()]
