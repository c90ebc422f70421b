"""A study's part in any Keras script: one callback reports, prunes, pauses, keeps checkpoints and goes on.

The one module of the engine that knows Keras.
"""

import contextlib
import json
import logging
import math
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from convsweep.workers import TrialHandle, current_trial

CHECKPOINT = "checkpoint.npz"  # in a trial's folder
RECORD = "history"  # the file's part that is no array
# Seconds between two checkpoints, and how much more time than a checkpoint takes: what an interruption costs
# at most, and what the insurance costs.
INTERVAL = 10.0
SHARE = 20
PARTIAL = ".partial"  # what is being written, or was when its process was killed
LOWER_IS_BETTER = ("loss", "error", "mse", "mae", "divergence")


class TrialCallback(keras.callbacks.Callback):
    """Give `model.fit(..., callbacks=[TrialCallback("val_accuracy")])` a part in the study that runs the script.

    After each epoch the metric is reported; a trial that is pruned, pauses or is interrupted stops there, and `fit`
    returns. One that goes on another time does so after its last epoch, with its weights, optimizer and random states;
    the `epochs` that `fit` is given count those that it has behind it. Without a study the callback only keeps `best`.

    Args:
        metric: A name of Keras's logs. The study's direction says which way is better; without a study its name does.

    Attributes:
        values: The metric after each epoch, also of those before an interruption.
        best: The best of them: what to return.
    """

    def __init__(self, metric: str = "val_loss") -> None:
        super().__init__()
        self.metric = metric
        self.values: list[float] = []
        self._trial: TrialHandle | None = None
        self._file = StateFile(None)

    @property
    def best(self) -> float:
        numbers = [value for value in self.values if not math.isnan(value)]
        lower = not self._trial.maximizes if self._trial else any(word in self.metric for word in LOWER_IS_BETTER)
        return (min if lower else max)(numbers, default=math.nan)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        trial = current_trial()
        if trial is None or trial is self._trial:  # a second `fit` of one trial goes on as Keras does
            return
        self._trial, self._file = trial, StateFile(trial.directory / CHECKPOINT)
        model: Any = self.model
        if model.built and not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)  # Keras does so in the first step
        self.values = (self._file.load(model) or {"values": []})["values"]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        known = logs or {}
        if self.metric not in known:
            raise ValueError(f"`TrialCallback` must get one of {', '.join(known)}, got {self.metric}")
        self.values.append(float(known[self.metric]))
        if self._trial is None:
            return
        model: Any = self.model
        count = len(self.values)
        last = count >= int((self.params or {}).get("epochs") or 1)
        self._trial.report(self.values[-1], count, known.get("val_loss"))
        stops = not last and self._trial.should_stop()
        if self._trial.interrupted or (not (stops or last) and self._file.due()):
            self._file.save(model, {"values": self.values})
        # Setting the flag, rather than raising, lets the other callbacks end in order.
        model.stop_training = model.stop_training or stops or last

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self._trial is not None and not self._trial.interrupted:
            self._file.remove()


class StateFile:
    """The file that a training run keeps its state in, to go on in any process; None for `path` keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._saved, self._cost = time.perf_counter(), 0.0

    def due(self, interval: float = INTERVAL, share: float = SHARE) -> bool:
        """Whether so many seconds have passed since the last time, and so many times what that took."""
        return time.perf_counter() - self._saved >= max(interval, share * self._cost)

    def save(self, model: keras.Model, record: Mapping[str, Any], more: Mapping[str, np.ndarray] | None = None) -> None:
        """Write weights, optimizer, random states, a record (JSON) and more arrays: a few MB, in under 0.1 s.

        The file is there in full or not at all. A disk that is full costs the checkpoint, not the training.
        """
        if self.path is None:
            return
        started = time.perf_counter()
        arrays = {f"state{i}": keras.ops.convert_to_numpy(v) for i, v in enumerate(_state(model))} | dict(more or {})
        arrays[RECORD] = np.frombuffer(json.dumps(record).encode(), np.uint8)
        partial = self.path.with_suffix(PARTIAL)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]
            partial.replace(self.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink()
            logging.getLogger(__name__).warning("no checkpoint in %s: %s", self.path, error.strerror or error)
        self._saved = time.perf_counter()
        self._cost = self._saved - started

    def load(self, model: keras.Model, more: dict[str, np.ndarray] | None = None) -> dict[str, Any] | None:
        """Put the saved state into a compiled model; return the record, and put the other arrays into `more`.

        None, and the model is as it was, when there is no file, or none that is whole and fits.
        """
        if self.path is None or not self.path.exists():
            return None
        state = list(_state(model))
        try:
            with self.path.open("rb") as file, np.load(file) as saved:  # a zip file, whose checksums are checked
                record = json.loads(saved[RECORD].tobytes())
                values = [saved[f"state{i}"] for i in range(len(state))]
                names = set(saved.files)
                others = {name: saved[name] for name in names if name != RECORD and not name.startswith("state")}
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            return None
        if f"state{len(state)}" in names or any(
            value.shape != tuple(variable.shape) for value, variable in zip(values, state, strict=True)
        ):
            return None
        for variable, value in zip(state, values, strict=True):
            variable.assign(value)
        if more is not None:
            more |= others
        return record

    def record(self) -> dict[str, Any] | None:
        """Return the saved record alone, None when there is no file, or none that is whole."""
        if self.path is None or not self.path.exists():
            return None
        try:
            with self.path.open("rb") as file, np.load(file) as saved:
                return json.loads(saved[RECORD].tobytes())
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            return None

    def remove(self) -> None:
        """Delete the file; the run has come to its end."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
            self.path.with_suffix(PARTIAL).unlink(missing_ok=True)


def _state(model: keras.Model) -> Iterator[keras.Variable]:
    yield from model.variables  # with the states of the random generators that dropout draws from
    yield from model.optimizer.variables
