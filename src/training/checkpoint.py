"""A training run's state after an epoch, in one file, so that it can go on in any process as if never interrupted."""

import contextlib
import json
import logging
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np

from src.training.history import History

# Seconds between two checkpoints, and how much more time than a checkpoint takes: what an interruption costs
# at most, and what the insurance costs.
INTERVAL = 10.0
SHARE = 20

PARTIAL = ".partial"  # what is being written, or was when its process was killed


class Checkpoint:
    """The file that a training run keeps its state in; None for `path` keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._saved = time.perf_counter()
        self._cost = 0.0

    def due(self) -> bool:
        """Whether so much has happened since the last checkpoint that the next is worth its time."""
        return time.perf_counter() - self._saved >= max(INTERVAL, SHARE * self._cost)

    def save(self, model: keras.Model, history: History, best_weights: Sequence[np.ndarray]) -> None:
        """Write weights, optimizer, random states and history: a few MB, in under 0.1 s.

        The file is there in full or not at all. A disk that is full costs the checkpoint, not the training.
        """
        if self._path is None:
            return
        started = time.perf_counter()
        arrays = {f"state{i}": keras.ops.convert_to_numpy(v) for i, v in enumerate(_state(model))}
        if history.best_epoch < len(history.epochs):
            arrays |= {f"best{i}": weights for i, weights in enumerate(best_weights)}
        record = np.frombuffer(json.dumps(asdict(history)).encode(), np.uint8)
        partial = self._path.with_suffix(PARTIAL)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                np.savez(file, history=record, **arrays)  # pyright: ignore[reportArgumentType]
            partial.replace(self._path)
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink()
            logging.getLogger(__name__).warning("no checkpoint in %s: %s", self._path, error.strerror or error)
        self._saved = time.perf_counter()
        self._cost = self._saved - started

    def load(self, model: keras.Model) -> tuple[History, list[np.ndarray]] | None:
        """Put the saved state into a compiled model; return its history and the weights of its best epoch.

        None when there is no checkpoint, or none that is whole and fits: then the run starts from its first epoch.
        """
        if self._path is None or not self._path.exists():
            return None
        state = list(_state(model))
        try:
            with self._path.open("rb") as file, np.load(file) as saved:  # a zip file, whose checksums are checked
                history = History(**json.loads(saved["history"].tobytes()))
                values = [saved[f"state{i}"] for i in range(len(state))]
                best = [saved[f"best{i}"] for i in range(len(model.weights)) if f"best{i}" in saved]
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            return None
        if any(value.shape != tuple(variable.shape) for value, variable in zip(values, state, strict=True)):
            return None
        for variable, value in zip(state, values, strict=True):
            variable.assign(value)
        return history, best or model.get_weights()

    def remove(self) -> None:
        """Delete the file; the run has come to its end."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path.with_suffix(PARTIAL).unlink(missing_ok=True)


def _state(model: keras.Model) -> Iterator[keras.Variable]:
    yield from model.variables  # with the states of the random generators that dropout draws from
    yield from model.optimizer.variables
