"""One line in any Keras script: reports, prunes, pauses, goes on; and without a study does nothing."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from convsweep import keras as door
from convsweep.keras import TrialCallback

X = np.random.default_rng(0).random((40, 4)).astype("float32")
Y = (X.sum(axis=1) > 2).astype("float32")


class Handle:
    """A trial as the callback sees it."""

    def __init__(self, directory: Path, stop_at: int = 0, interrupts: bool = True) -> None:
        self.directory, self.stop_at, self.interrupts = directory, stop_at, interrupts
        self.maximizes, self.stopped, self.interrupted = False, False, False
        self.reports: list[tuple[int, float]] = []

    def report(self, value: float, step: int, tie_break: float | None = None) -> None:
        self.reports.append((step, value))

    def should_stop(self) -> bool:
        if self.reports[-1][0] == self.stop_at:
            self.interrupted, self.stopped = self.interrupts, not self.interrupts
        return self.stopped or self.interrupted


def fit(monkeypatch: pytest.MonkeyPatch, handle: Handle | None, metric: str = "val_loss") -> tuple[Any, Any]:
    monkeypatch.setattr(door, "current_trial", lambda: handle)
    keras.utils.clear_session()
    keras.utils.set_random_seed(1)
    layers = [keras.Input((4,)), keras.layers.Dropout(0.3, seed=5), keras.layers.Dense(1, "sigmoid")]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy")
    callback = TrialCallback(metric)
    fit_quietly: Any = model.fit
    history = fit_quietly(X, Y, epochs=5, validation_data=(X, Y), verbose=0, shuffle=False, callbacks=[callback])
    return callback, history.history["val_loss"]


def test_without_a_study_it_does_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    callback, losses = fit(monkeypatch, None)
    assert len(losses) == 5
    assert callback.values == pytest.approx(losses)
    assert callback.best == pytest.approx(min(losses))
    assert not list(tmp_path.iterdir())


def test_a_trial_that_pauses_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole, unbroken = fit(monkeypatch, Handle(tmp_path / "whole"))
    first = Handle(tmp_path / "trial", stop_at=2)
    fit(monkeypatch, first)
    assert [step for step, _ in first.reports] == [1, 2]
    assert (tmp_path / "trial" / door.CHECKPOINT).exists()
    second = Handle(tmp_path / "trial")
    callback, rest = fit(monkeypatch, second)
    assert [step for step, _ in second.reports] == [3, 4, 5]
    assert rest == unbroken[2:], "bit for bit, where the order of the data is the same"
    assert callback.best == whole.best
    assert not (tmp_path / "trial" / door.CHECKPOINT).exists(), "it has come to its end"


def test_a_pruned_trial_stops_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    handle = Handle(tmp_path, stop_at=3, interrupts=False)
    callback, losses = fit(monkeypatch, handle)
    assert len(losses) == len(callback.values) == 3
    assert not list(tmp_path.iterdir())


def test_a_metric_that_keras_does_not_log_lists_those_that_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="must get one of loss, val_loss, got val_accuracy"):
        fit(monkeypatch, None, "val_accuracy")
