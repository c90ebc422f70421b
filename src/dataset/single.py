"""Prepare image files for a network, as the images were that it was trained on."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from src.dataset import decode
from src.dataset.dataset import DatasetError, Preprocessing
from src.dataset.parallel_decode import decode_all


def read_image(file: Path | str, preprocessing: Preprocessing) -> np.ndarray:
    """Return an image file as uint8 [height, width, channels]; the network's own first layer scales it.

    Raises:
        DatasetError: It cannot be read.
    """
    how = preprocessing
    try:
        return decode.prepared(str(file), how.image_size, how.fit, how.channels, how.value_range)
    except Exception as error:  # damaged files raise nearly anything
        raise DatasetError(f"{file} cannot be read: {decode.reason(error, str(file))}") from error


def read_images(files: Sequence[str], preprocessing: Preprocessing) -> tuple[np.ndarray, dict[int, str]]:
    """Do as `read_image` for many files, with all cores.

    Returns:
        uint8 [N, height, width, channels] of those that can be read, in their order; and why the others cannot, by
        their place in `files`.
    """
    height, width = preprocessing.image_size
    size = height * width * 3
    span = preprocessing.value_range or decode.FULL
    with tempfile.NamedTemporaryFile(prefix="convsweep-") as place:
        place.truncate(size * len(files))
        tasks = [(file, place.name, i * size) for i, file in enumerate(files)]
        results = decode_all(tasks, (height, width), preprocessing.fit, span)
        broken = {i: str(why) for i, (kind, why) in enumerate(results) if kind == "broken"}
        pixels = np.fromfile(place.name, np.uint8).reshape(len(files), height, width, 3)
    good = pixels[[i for i in range(len(files)) if i not in broken]] if broken else pixels
    return decode.with_channels(good, preprocessing.channels), broken
