"""Which datasets there are: each is found by a function in a file of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from src.config.dataset import DatasetConfig
from src.dataset import arrays, custom, digits, image_folder, published, table
from src.dataset.source import Source


class Known(NamedTuple):
    """How a dataset is found.

    Attributes:
        find: returns the source, from the settings, with `image_size` as [height, width] or None, and the cache's
            folder.
        is_quick: whether that reads names and labels at most, and needs no cache.
        is_heavy: whether, with these settings, it runs code of others that may import anything.
        class_names: the name of each label, where that is always the same.
    """

    find: Callable[[DatasetConfig, Path], Source]
    is_quick: bool = True
    is_heavy: Callable[[DatasetConfig], bool] = lambda config: False
    class_names: tuple[str, ...] = ()


# By `dataset.name`.
DATASETS = {
    "digits": Known(digits.find),
    **{
        name: Known(published.find, False, published.is_nowhere, known.class_names)
        for name, known in published.PUBLISHED.items()
    },
    "image_folder": Known(image_folder.find),
    "arrays": Known(arrays.find),
    "table": Known(table.find),
    "custom": Known(custom.find, False, lambda config: True),
}
