"""scikit-learn's digits: 1,797 images of 8x8 with values from 0 to 16, in the package itself."""

from importlib.metadata import version
from pathlib import Path

import numpy as np

from src.config.dataset import DatasetConfig
from src.dataset.dataset import Split
from src.dataset.source import Source, from_arrays
from src.dataset.split import split

CLASS_NAMES = tuple("0123456789")


def find(config: DatasetConfig, folder: Path) -> Source:
    """Return where the digits come from, whatever the settings."""
    return from_arrays(["digits", version("scikit-learn")], CLASS_NAMES, read)


def read() -> dict[str, Split]:
    """Return 1,438 images to train on and 359 to test: the same ones always, since none are published."""
    from sklearn.datasets import load_digits  # seconds to import, and not needed once the cache is there

    values, targets = load_digits(return_X_y=True)
    images = np.asarray(values, np.uint8).reshape(-1, 8, 8, 1)
    labels = np.asarray(targets, np.int32)
    train, test = split(labels, len(CLASS_NAMES), limit=None, fraction=0.2, seed=0)
    return {"train": Split(images[train], labels[train]), "test": Split(images[test], labels[test])}
