"""A training run's state after an epoch, in one file, so that it can go on in any process as if never interrupted."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np

from convsweep.keras import INTERVAL, SHARE, StateFile
from src.training.history import History


class Checkpoint:
    """The file that a training run keeps its state in; None for `path` keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._file = StateFile(path)

    def due(self) -> bool:
        """Whether so much has happened since the last checkpoint that the next is worth its time."""
        return self._file.due(INTERVAL, SHARE)

    def save(self, model: keras.Model, history: History, best_weights: Sequence[np.ndarray]) -> None:
        """Write weights, optimizer, random states, history, and the best epoch's weights where they are others."""
        # Where an average is judged, the weights of the last epoch are others, too.
        same = all(np.array_equal(one, other) for one, other in zip(best_weights, model.get_weights(), strict=False))
        best = [] if same else best_weights
        self._file.save(model, asdict(history), {f"best{i}": weights for i, weights in enumerate(best)})

    def peek(self) -> History | None:
        """Return the history of the saved run, None when there is no checkpoint, or none that is whole."""
        record = self._file.record()
        return None if record is None else History(**record)

    def load(self, model: keras.Model, first_phase: int = 0) -> tuple[History, list[np.ndarray]] | None:
        """Put the saved state into a compiled model; return its history and the weights of its best epoch.

        None when there is no checkpoint, or none that is whole and fits, and of this phase: then the run starts from
        the phase's first epoch.
        """
        more: dict[str, np.ndarray] = {}
        saved = self.peek()
        if saved is None or saved.first_phase != first_phase:
            return None
        record = self._file.load(model, more)
        if record is None:
            return None
        best = [more[f"best{i}"] for i in range(len(model.weights)) if f"best{i}" in more]
        return History(**record), best or model.get_weights()

    def remove(self) -> None:
        """Delete the file; the run has come to its end."""
        self._file.remove()
