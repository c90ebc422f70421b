"""Your own images: a sub-folder a class, or folders of the parts that hold such sub-folders."""

from pathlib import Path
from typing import Any

import numpy as np

from src.config.dataset import DatasetConfig
from src.dataset import images
from src.dataset.dataset import DatasetError
from src.dataset.found import alike
from src.dataset.images import Listing
from src.dataset.layout import OF_LISTS, Layout, instead, part_lists_in, part_of, read_layout, some
from src.dataset.source import Source, told
from src.dataset.walk import Found, folders, is_document, odd, shown, walk


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
    layout = _without_documents(layout, found)
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
        [
            *layout.notes,
            *_lists(root, layout),
            *_inner(layout.parts["train"], found["train"]),
            *([told(skipped)] if skipped else []),
        ],
        skipped,
        class_names,
        {part: listing.labels for part, listing in listings.items()},
    )


def _without_documents(layout: Layout, found: dict[str, dict[str, Found]]) -> Layout:
    """Take folders that hold nothing but documents, `docs/` for one, out of the classes, with a line.

    Raises:
        DatasetError: That leaves fewer than two classes.
    """
    for part, classes in found.items():
        papers = [
            name for name, each in classes.items() if each.files and all(is_document(file.path) for file in each.files)
        ]
        if not papers:
            continue
        for name in papers:
            del classes[name]
        place, said = layout.parts[part], f"{some([f'{name}/' for name in papers])} left alone: no image is in there"
        left = [name for name in layout.class_folders if part != "train" or name not in papers]
        layout = layout._replace(class_folders=left, notes=[*layout.notes, said])
        if len(left) < 2:
            got = f"only {shown(left[0])}" if left else "none"
            raise DatasetError(
                f"{shown(place)} must hold a sub-folder for each of at least two classes, got {got}; {said}"
                + instead(place)
            )
    return layout


def _inner(place: Path, classes: dict[str, Found]) -> list[str]:
    """Say that the outer folders are the classes where all images lie in inner ones, which could be as well."""
    inner: dict[str, str] = {}
    for name, each in classes.items():
        start = len(f"{place / name}/")
        names = {file.path[start:].rpartition("/")[0] for file in each.files}
        inner |= {f"{name}/{folder}": folder for folder in names if "" not in names}
    if len(set(inner.values())) < 2:
        return []
    return [
        f"the classes are the outer folders, and {some(sorted(inner))} are not; if the inner folders are the classes, "
        "move them into one folder, side by side"
    ]


def _lists(root: Path, layout: Layout) -> list[str]:
    """Say that lists of parts beside the images, as published datasets have them, are not read."""
    if len(layout.parts) > 1:
        return []
    places = [root, *(root / name for name in folders(root) if name.lower() in OF_LISTS)]
    found = [place / name for place in places for name in part_lists_in(place)]
    if not found:
        return []
    tables = [file for file in found if part_of(file.stem)]
    instead = f"; for their parts, type dataset=table dataset.path={shown(tables[0].parent)}" if tables else ""
    are = "is" if len(found) == 1 else "are"
    return [f"{some([_name(root, str(file)) for file in found])} {are} not read: the images are split anew{instead}"]


def _name(root: Path, path: str) -> str:
    return shown(path.removeprefix(f"{root}/"))  # ten times as fast as os.path.relpath


def _list(root: Path, layout: Layout, part: str, classes: dict[str, Found], skipped: dict[str, str]) -> Listing:
    folder = layout.parts[part]
    why = f"; {told(skipped, most=3)}" if skipped else ""
    if unknown := sorted(set(classes) - set(layout.class_folders)):
        known = f"; those of the training part are {', '.join(map(shown, layout.class_folders))}"
        meant = [shown(name) for name in alike([*layout.class_folders, *unknown])]
        raise DatasetError(
            f"{shown(folder)} holds classes that have no training images: {', '.join(map(shown, unknown))}{known}"
            + (f"; write them alike: {' and '.join(meant)} are of two classes as they are" if meant else "")
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
