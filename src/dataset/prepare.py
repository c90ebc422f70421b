"""Fill the cache before anybody trains, and say what is wrong with the data while that costs nothing yet."""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any, NamedTuple

from src.config.dataset import DatasetConfig
from src.config.objective import check_classes
from src.dataset import cache
from src.dataset.cache import default_folder
from src.dataset.dataset import DatasetError
from src.dataset.loading import choose, lines, load, note_of_test, sized
from src.dataset.registry import DATASETS
from src.dataset.split import check_limit
from src.process import for_workers


def look(config: DatasetConfig, seed: int, metrics: Sequence[str] = ()) -> list[str]:
    """Find a dataset whose files are its user's own, and decode nothing: a second for a hundred thousand files.

    Args:
        config: The settings.
        seed: As for `load`.
        metrics: What is to be measured of its classes.

    Returns:
        Which classes and how many images there are, and how the data is read: lines for the user.

    Raises:
        DatasetError: It is not there, or not as it must be, as far as names and labels tell.
    """
    known, folder = DATASETS[config.name], default_folder()
    source = known.find(sized(config), folder) if known.is_quick else None
    class_names = list(source.class_names if source is not None else known.class_names)
    notes = lines(source, cache.known(folder, source.key)) if source is not None else []
    if not class_names:
        return notes  # they stand in arrays, or a function returns them
    problems = check_classes(metrics, class_names)
    try:
        check_limit(config.limit, len(class_names))
        if source is not None and source.labels:
            chosen = choose(source.labels, class_names, config, seed, folds=source.folds)
            tested = len(chosen["test"]) if "test" in chosen else 0
            notes += note_of_test(config, tested, len(source.labels["train"]))
    except DatasetError as error:
        problems.append(str(error))
    if problems:
        raise DatasetError("\n".join(problems))
    return notes


def is_light(config: DatasetConfig) -> bool:
    """Whether a dataset is prepared without code of others that may import anything, TensorFlow for one."""
    return not DATASETS[config.name].is_heavy(config)


class Prepared(NamedTuple):
    """What a dataset proved to be: lines for the user, and what names the content of each part."""

    notes: tuple[str, ...]
    digests: dict[str, str]


def prepare(config: DatasetConfig, seed: int, metrics: Sequence[str] = ()) -> Prepared:
    """Decode and split a dataset into the cache, as `load` does; in a process of its own where it is not light.

    Args:
        config: The settings.
        seed: As for `load`.
        metrics: What is to be measured of its classes.

    Raises:
        DatasetError: It is not there, or not as it must be, or has not the classes that the metrics are about; the
            message says what to do.
    """
    found = load_all(config, seed) if is_light(config) else _load_elsewhere(config, seed)
    if problems := check_classes(metrics, found["class_names"]):
        raise DatasetError("\n".join(problems))
    return Prepared(tuple(found["notes"]), found["digests"])


def load_all(config: DatasetConfig, seed: int) -> dict[str, Any]:
    """Load a dataset, with all of its folds; return its `notes`, `class_names` and `digests`."""
    data = load(config, seed)
    for number in range(2, config.splits + 1):
        load(config, seed, number=number)
    return {"notes": data.notes, "class_names": data.class_names, "digests": dict(data.digests)}


def _load_elsewhere(config: DatasetConfig, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryFile("w+") as said:
        given = json.dumps([config.name, dataclasses.asdict(config), seed])
        done = subprocess.run(
            [sys.executable, "-m", "src.dataset"],
            env=os.environ | for_workers(),
            input=given,
            text=True,
            stdout=said,
            stderr=subprocess.PIPE,
            check=False,
        )
        said.seek(0)
        lines = said.read().splitlines()
    try:
        answer = json.loads(lines[-1])
    except (IndexError, ValueError):
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise DatasetError(f"the process that loads the data ended with status {done.returncode}: {last}") from None
    if "error" in answer:
        raise DatasetError(answer["error"])
    return answer
