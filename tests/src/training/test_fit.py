"""Fitting: the best epoch, early ends, divergence, what is left in memory."""

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from convsweep.workers.memory import resident
from src.config.schedule import Constant, OneCycle
from src.config.schema import TrainingConfig
from src.dataset import Dataset, Split
from src.training import Diverged, Verdict, finished, fit, prepare
from tests.helpers.training import data, network, split, train, train_digits

GO_ON, STOP, PAUSE = Verdict.GO_ON, Verdict.STOP, Verdict.PAUSE
ONE_CYCLE = OneCycle(warmup=0.25, initial_divisor=25.0, final_divisor=1e5)


def test_history_has_each_epoch_until_a_stop_from_outside_and_the_best_one() -> None:
    history = train(epochs=9, stop_at=4)
    assert len(history.epochs) == 4
    losses = [epoch["val_loss"] for epoch in history.epochs]
    assert history.best_epoch == 1 + losses.index(min(losses))
    assert history.best["val_loss"] == min(losses)
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "epoch_seconds"} == set(history.best)
    assert history.best["learning_rate"] == pytest.approx(0.01)


def test_early_stopping_leaves_the_model_as_it_was_in_its_best_epoch() -> None:
    prepare("float32", None)
    model = network()
    settings = TrainingConfig(epochs=9, batch_size=16, early_stopping=3, precision="float32")
    seen: list[list[np.ndarray]] = []

    def worse_from_the_third_epoch_on(epoch: int, metrics: dict[str, float], last: bool) -> Verdict:
        seen.append(model.get_weights())
        if epoch == 2:
            model.optimizer.learning_rate = -0.05
        assert last == (epoch == 5)
        return GO_ON

    optimizer = keras.optimizers.SGD(0.05, momentum=0.5)
    history = fit(model, optimizer, data(), settings, Constant(), "val_loss", 0, worse_from_the_third_epoch_on)
    assert (history.best_epoch, len(history.epochs)) == (2, 2 + 3)
    for kept, then in zip(model.get_weights(), seen[1], strict=True):
        np.testing.assert_array_equal(kept, then)


def test_a_loss_that_is_no_number_is_a_divergence() -> None:
    with pytest.raises(Diverged, match=r"the loss became (nan|inf) in epoch"):
        train(epochs=3, rate=float("inf"), metric="loss")


@pytest.mark.slow
def test_models_leave_no_memory_behind() -> None:
    """TensorFlow keeps 12 MB of each traced model, unless it is told to forget."""
    sizes = []
    for _ in range(25):
        train_digits(None, Constant())
        sizes.append(resident())
    assert sizes[-1] - sizes[9] < 60e6


def test_label_smoothing_and_what_a_saved_model_knows(tmp_path: Path) -> None:
    prepare("float32", None)
    smoothing, classes = 0.3, 2
    train, (images, numbers) = split(64), split(32)
    vectors = np.eye(classes, dtype="float32")
    parts = train._replace(labels=vectors[train.labels]), Split(images, labels := vectors[numbers])
    one_hot = Dataset("made", *parts, None, ("dark", "light"), None, None)
    settings = TrainingConfig(epochs=1, batch_size=16, label_smoothing=smoothing, precision="float32")
    model = network()
    history = fit(model, keras.optimizers.Adam(0.01), one_hot, settings, ONE_CYCLE, "val_loss", 0, lambda *_: GO_ON)
    targets = (1 - smoothing) * labels + smoothing / classes
    expected = -np.mean(np.sum(targets * np.log(np.asarray(model(images))), axis=1))
    assert history.best["val_loss"] == pytest.approx(expected, rel=1e-5)

    finished(model, keras.optimizers.Adam(0.01), one_hot, settings).save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as file:
        saved = file.read("config.json").decode()
    # Classes of ours would have to be imported before the model can be loaded.
    assert "src." not in saved and "convsweep" not in saved
    assert json.loads(saved)["compile_config"]["optimizer"]["config"]["learning_rate"] == pytest.approx(0.01)
    loaded: Any = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.evaluate(images, labels, verbose=0)[0] == pytest.approx(expected, rel=1e-5)
