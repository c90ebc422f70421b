"""A trial's folds: what each came to, what they come to together, and the file that keeps it until the trial ends."""

import json
import os
import statistics
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from zlib import crc32

import numpy as np

from src.config.objective import direction
from src.evaluation import Evaluation
from src.training import History


@dataclass(frozen=True)
class Fold:
    """What a fold came to; a trial without folds is a single one.

    Attributes:
        history: Of its training.
        known: Numbers of its best epoch, by name.
        judged: What its network says of its validation images; of a single fold only where it was asked for.
    """

    history: History
    known: Mapping[str, float]
    judged: Evaluation | None = None


class Folds:
    """The finished folds of a trial, in their order.

    Attributes:
        count: How many folds the trial has.
        done: Those that are finished.
    """

    def __init__(self, count: int, file: Path | None) -> None:
        """Find the folds that were finished before the trial was interrupted; None for `file` keeps nothing."""
        self.count, self._file = count, file if count > 1 else None
        self.done = self._load()

    @property
    def current(self) -> int:
        """The number, from 1, of the fold that is not finished yet."""
        return len(self.done) + 1

    @property
    def left(self) -> range:
        """The numbers of the folds that are not finished yet."""
        return range(self.current, self.count + 1)

    def named(self, metrics: Mapping[str, float], fold: int) -> dict[str, float]:
        """Return a fold's metrics under the names that they are recorded by; a single one needs no name."""
        return {f"fold_{fold}/{name}" if self.count > 1 else name: value for name, value in metrics.items()}

    def seed(self, seed: int, fold: int) -> int:
        """Return the seed of a fold in a trial of that seed: the first one has the trial's."""
        if fold == 1:
            return seed
        return int(np.random.SeedSequence([seed, crc32(b"fold"), fold]).generate_state(1)[0] >> 1)

    @property
    def mean(self) -> dict[str, float]:
        """The means over the finished folds of what is known of each, and the seconds of all together."""
        means = {name: statistics.fmean(values) for name, values in self._values().items()}
        return means | {"fit_seconds": sum(fold.history.fit_seconds for fold in self.done)}

    @property
    def spread(self) -> dict[str, float]:
        """The standard deviation between the finished folds; empty before there are two."""
        if len(self.done) < 2:
            return {}
        return {name: statistics.stdev(values) for name, values in self._values().items()}

    def _values(self) -> dict[str, list[float]]:
        return {name: [fold.known[name] for fold in self.done] for name in self.done[0].known}

    @property
    def epochs(self) -> int:
        """How many epochs the finished folds have trained together."""
        return sum(len(fold.history.epochs) for fold in self.done)

    @property
    def best_epoch(self) -> int:
        """The mean of the folds' best epochs, rounded."""
        return round(statistics.fmean(fold.history.best_epoch for fold in self.done))

    def curve(self, metric: str) -> History:
        """Return the mean of the folds' metrics after each epoch that all of them reached, the best one by `metric`."""
        if len(self.done) == 1:
            return self.done[0].history
        curve = History(fit_seconds=self.mean["fit_seconds"])
        sign = 1.0 if direction(metric) == "maximize" else -1.0
        for epochs in zip(*(fold.history.epochs for fold in self.done), strict=False):
            curve.add({name: statistics.fmean(epoch[name] for epoch in epochs) for name in epochs[0]}, metric, sign)
        return curve

    @property
    def judged(self) -> Evaluation | None:
        """What is said of all validation images, each by the network not trained on it, in the folds' order."""
        parts = [fold.judged for fold in self.done if fold.judged is not None]
        if len(parts) < len(self.done):
            return None
        true = np.concatenate([part.true for part in parts])
        return Evaluation(np.concatenate([part.probabilities for part in parts]), true)

    def save(self) -> None:
        """Keep the finished folds, so that a trial that is interrupted goes on after them; in full or not at all."""
        if self._file is None:
            return
        arrays: dict[str, np.ndarray] = {}
        for i, fold in enumerate(self.done):
            assert fold.judged is not None
            arrays |= {f"probabilities{i}": fold.judged.probabilities, f"true{i}": fold.judged.true}
        record = [{"history": asdict(fold.history), "known": dict(fold.known)} for fold in self.done]
        arrays["folds"] = np.frombuffer(json.dumps(record).encode(), np.uint8)
        partial = self._file.with_suffix(".partial")
        with suppress(OSError):  # a disk that is full costs the insurance, not the training
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]
            os.replace(partial, self._file)

    def _load(self) -> list[Fold]:
        if self._file is None or not self._file.exists():
            return []
        try:
            with np.load(self._file) as saved:
                return [
                    Fold(
                        History(**record["history"]),
                        record["known"],
                        Evaluation(saved[f"probabilities{i}"], saved[f"true{i}"]),
                    )
                    for i, record in enumerate(json.loads(saved["folds"].tobytes()))
                ]
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            return []
