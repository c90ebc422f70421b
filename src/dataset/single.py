"""Prepare one image file for a network, as the images were that it was trained on."""

from pathlib import Path

import numpy as np

from src.dataset import decode
from src.dataset.dataset import DatasetError, Preprocessing
from src.dataset.resize import with_channels

FULL = (0.0, 65535.0)  # of an image of more than 8 bits where there was none among those that were trained on


def read_image(file: Path | str, preprocessing: Preprocessing) -> np.ndarray:
    """Return an image file as uint8 [height, width, channels]; the network's own first layer scales it.

    Raises:
        DatasetError: It cannot be read.
    """
    height, width = preprocessing.image_size
    try:
        pixels, _ = decode.read(str(file), (height, width), preprocessing.fit, preprocessing.value_range or FULL)
    except Exception as error:  # damaged files raise nearly anything
        raise DatasetError(f"{file} cannot be read: {decode.reason(error, str(file))}") from error
    colour = np.frombuffer(pixels, np.uint8).reshape(1, height, width, 3)
    return with_channels(colour, preprocessing.channels)[0]
