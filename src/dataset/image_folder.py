"""Your own images: a sub-folder a class, or folders of the parts that hold such sub-folders."""

from pathlib import Path
from typing import Any

import numpy as np

from src.config.dataset import DatasetConfig
from src.dataset import images
from src.dataset.dataset import DatasetError
from src.dataset.images import Listing
from src.dataset.layout import Layout, read_layout
from src.dataset.source import Source, told
from src.dataset.walk import Found, folders, odd, shown, walk


def find(config: DatasetConfig, folder: Path) -> Source:
    """List an image folder; it is decoded when the source is built.

    Args:
        config: `path`, the folder; `image_size` as [height, width], or None if all images are of one size; `fit`.
        folder: the cache.

    Raises:
        DatasetError: fewer than two classes, a class without files or of one part only, sub-folders that can be read
            in more than one way; when built: a class of which no file can be read, or images of different sizes and
            no `image_size`.
    """
    assert config.path is not None  # `check` has refused it
    root = Path(config.path).expanduser().resolve()
    layout = read_layout(root)
    found = {part: {name: walk(place / name) for name in folders(place)} for part, place in layout.parts.items()}
    skipped = {path: why for place in {root, *layout.parts.values()} for path, why in odd(place).items()}
    skipped |= {
        path: why for classes in found.values() for each in classes.values() for path, why in each.skipped.items()
    }
    skipped = {_name(root, path): why for path, why in skipped.items()}
    class_names = [shown(name) for name in layout.class_folders]
    listings = {part: _list(root, layout, part, classes, skipped) for part, classes in found.items()}
    states = [[*file] for classes in found.values() for each in classes.values() for file in each.files]
    size, fit = config.image_size, config.fit
    return Source(
        ["image_folder", str(root), size, fit, class_names, list(found), states],
        lambda place: images.build(place, listings, class_names, size, fit, skipped),
        [*layout.notes, *([told(skipped)] if skipped else [])],
        skipped,
        class_names,
        {part: listing.labels for part, listing in listings.items()},
    )


def _name(root: Path, path: str) -> str:
    return shown(path.removeprefix(f"{root}/"))  # ten times as fast as os.path.relpath


def _list(root: Path, layout: Layout, part: str, classes: dict[str, Found], skipped: dict[str, str]) -> Listing:
    folder = layout.parts[part]
    why = f"; {told(skipped, most=3)}" if skipped else ""
    if unknown := sorted(set(classes) - set(layout.class_folders)):
        known = f"; those of the training part are {', '.join(map(shown, layout.class_folders))}"
        raise DatasetError(
            f"{shown(folder)} holds classes that have no training images: {', '.join(map(shown, unknown))}{known}"
        )
    if empty := [shown(name) for name in layout.class_folders if name in classes and not classes[name].files]:
        raise DatasetError(
            f"no image of class {', '.join(empty)} in {shown(folder)}; add some, or remove the folder{why}"
        )
    names: list[str] = []
    places: list[Any] = []
    labels: list[int] = []
    for label, name in enumerate(layout.class_folders):
        files = classes[name].files if name in classes else []
        names += [_name(root, file.path) for file in files]
        places += [file.path for file in files]
        labels += [label] * len(files)
    return Listing(names, places, np.array(labels, np.int32)).mixed()
