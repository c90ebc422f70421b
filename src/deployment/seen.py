"""Which images a model has seen before: those of the folder that it was trained on."""

import functools
import os
from collections.abc import Sequence
from pathlib import Path

import yaml

from src.dataset import DatasetError
from src.dataset.layout import read_layout
from src.deployment.gathering import Picture
from src.deployment.kept import KeptModel
from src.tracking import NotHere, look_up


def seen_before(model: KeptModel, pictures: Sequence[Picture]) -> str | None:
    """Say how many of some images lie where those that the model was trained on, or chosen by, came from.

    None where none do, or where it is not known: of a file, or of a dataset that is no folder of images.
    """
    parts, fraction = _parts(model)
    inside = functools.cache(lambda folder: any(Path(os.path.realpath(folder)).is_relative_to(part) for part in parts))
    count = sum(inside(os.path.dirname(picture.file)) for picture in pictures) if parts else 0
    if not count:
        return None
    which = "the images are" if count == len(pictures) else f"{count} of {len(pictures)} images are"
    apart = f", but for the test images (dataset.test_fraction={fraction:g})" if fraction else ""
    return (
        f"{which} of the folder that the model was trained on and chosen by{apart}: how well it does there says little "
        "of how well it does on new ones"
    )


def _parts(model: KeptModel) -> tuple[list[Path], float | None]:
    """Return the folders of the training and the validation part, and how much of them was set aside to test with."""
    if model.run_id is None:
        return [], None
    try:
        lookup = look_up(model.uri)
        run = lookup.run(model.run_id)
        if run is None:
            return [], None
        dataset = yaml.safe_load(lookup.fetch(run.artifacts, "config.yaml").read_text())["dataset"]
        if dataset["name"] != "image_folder":
            return [], None
        found = read_layout(Path(dataset["path"]).expanduser().resolve()).parts
        seen = [folder.resolve() for part, folder in found.items() if part != "test"]
        return seen, dataset.get("test_fraction")
    except (NotHere, DatasetError, OSError, KeyError, TypeError, yaml.YAMLError):
        return [], None
