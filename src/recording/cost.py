"""What a trial's time follows from, as far as its config tells."""

from collections.abc import Mapping
from typing import Any

from src.config.dataset import DATASETS

LIMIT = "dataset.limit"
OF_DATASET = ("name", "path", "load", "image_size", "channels")
OF_TRAINING = ("batch_size", "precision", "jit_compile", "threads", "progressive_resizing", "balanced_batches")
LIKE_NONE = (None, False, 0, 1)  # what an augmentation that does nothing may be set to


def cost(values: Mapping[str, Any]) -> tuple[float | None, dict[str, Any]] | None:
    """Return how many images a trial's networks are shown in all, None where nobody knows, and what else costs time.

    The architecture and its widths cost, its rates (dropout, l2) do not; nor do the optimizer, the schedule and the
    loss, worth to speak of. An augmentation costs by what it does, not by how far it goes.

    Args:
        values: The config, by full keys.
    """
    if "dataset.name" not in values or "model.name" not in values:
        return None
    keys = {key: value for key, value in values.items() if key.startswith("model.") and not isinstance(value, float)}
    for group, names in (("dataset", OF_DATASET), ("training", OF_TRAINING)):
        keys |= {f"{group}.{name}": values[f"{group}.{name}"] for name in names if f"{group}.{name}" in values}
    keys |= {key: value for key, value in values.items() if key.startswith("dataset.load.")}  # its arguments
    for key, value in values.items():
        if key.startswith("augmentation."):
            keys[key] = value if isinstance(value, str) else value not in LIKE_NONE
    kind, limit = DATASETS.get(values["dataset.name"]), values.get(LIMIT)
    images = kind.images if kind is not None else None
    if isinstance(limit, int) and images is not None:
        images = min(limit, images)
    elif images is None:
        keys[LIMIT] = str(limit)
    epochs = [values.get(f"training.{name}", 0) for name in ("epochs", "fine_tune_epochs")]
    if not all(isinstance(count, int) for count in epochs):
        return None, keys
    return sum(epochs) * (images or 1) * (values.get("dataset.folds") or 1), keys
