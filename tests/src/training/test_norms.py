"""Batch normalization where an epoch has few steps: what validates is what was trained."""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hydra import compose, initialize_config_dir

from src.config import Config, register, settings
from src.config.dataset import DatasetConfig
from src.config.own_model import Custom
from src.config.schedule import Constant
from src.config.training import EPOCH, RUNNING, TrainingConfig
from src.dataset import Dataset, Split, load
from src.model import build
from src.training import Checkpoint, History, Verdict, fit, fit_course, prepare, traced
from src.training.course import plain
from src.training.norms import Norms
from tests.helpers.command import ROOT
from tests.helpers.training import DROPPING

GO_ON, PAUSE = Verdict.GO_ON, Verdict.PAUSE


def images(count: int) -> Dataset:
    """So many images of digits to train on, and others to validate on."""
    whole = load(DatasetConfig("digits"), 0)
    parts = whole.train, whole.validation
    train, validation = (Split(*(array[:n] for array in part)) for part, n in zip(parts, (count, 200), strict=True))
    return dataclasses.replace(whole, train=train, validation=validation)


def network(data: Dataset, dropout: float = 0.0) -> keras.Model:
    config = dataclasses.replace(DROPPING, filters=16, dense_units=32, dropout=dropout, spatial_dropout=dropout)
    return build(config, data.input_shape, 10, 7, data.scale, data.offset)


def train(
    data: Dataset,
    model: keras.Model,
    statistics: str,
    batch_size: int,
    epochs: int = 3,
    pause_after: int = 0,
    checkpoint: Checkpoint | None = None,
    last: bool = False,
) -> History:
    """Train; with `last` the last epoch's weights are the best."""
    prepare("float32", 1)
    training = TrainingConfig(epochs=epochs, batch_size=batch_size, precision="float32", norm_statistics=statistics)
    ask = lambda epoch, *_: PAUSE if epoch == pause_after else GO_ON  # noqa: E731
    adam = keras.optimizers.Adam(0.001)
    measure = (lambda _, epoch: {"left": -float(epoch)}) if last else None
    metric = "left" if last else "val_loss"
    return fit(model, adam, data, training, Constant(), metric, 7, ask, checkpoint, measure=measure)


def norms(model: keras.Model) -> list[Any]:
    return [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]


def values(history: History, name: str) -> list[float]:
    return [epoch[name] for epoch in history.epochs]


def composed(*overrides: str) -> Config:
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return settings(compose("config", list(overrides)))


@pytest.mark.parametrize("epochs", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_with_one_step_an_epoch_a_network_validates_about_as_in_training_mode(epochs: int) -> None:
    data = images(120)
    apart = {}
    for statistics in (composed().training.norm_statistics, RUNNING):
        model = network(data)
        train(data, model, statistics, 128, epochs, last=True)
        given = data.validation.images.astype("float32")
        trained, validated = (np.asarray(model(given, training=training)) for training in (True, False))
        apart[statistics] = np.abs(trained - validated).mean()
    assert apart[EPOCH] < 0.025 < 0.04 < apart[RUNNING], "of probabilities that are 0.1 on average"


@pytest.mark.parametrize(
    ("count", "batch_size", "same"),
    [(320, 16, True), (304, 16, False), pytest.param(2400, 128, False, marks=pytest.mark.slow)],
)
def test_from_twenty_steps_on_nothing_is_done_and_the_training_is_ever_the_same(
    count: int, batch_size: int, same: bool
) -> None:
    prepare("float32", 1)
    data = images(count)
    count = len(data.train.images)
    models = [network(data, dropout=0.2) for _ in range(2)]
    running, epoch = (train(data, model, how, batch_size) for model, how in zip(models, (RUNNING, EPOCH), strict=True))
    assert values(running, "loss") == values(epoch, "loss")
    assert values(running, "accuracy") == values(epoch, "accuracy")
    assert (values(running, "val_loss") == values(epoch, "val_loss")) == same
    if same:
        for one, other in zip(*(model.get_weights() for model in models), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("last", "share"), [(40, 1.0), (30, 0.75), (1, 0.025)])
def test_the_averages_are_those_of_the_last_epochs_batches_by_their_size(last: int, share: float) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.BatchNormalization(momentum=0.9)])
    followed = Norms(model, 40 + last, 40)
    rng = np.random.default_rng(0)
    batches = [rng.normal(5, 2, (count, 3)).astype("float32") for count in (40, last, 40, last)]
    for epoch in (batches[:2], batches[2:]):
        followed.on_epoch_begin(0)
        for number, batch in enumerate(epoch):
            followed.on_train_batch_begin(number)
            model(batch, training=True)
        followed.on_test_begin()
    (layer,) = norms(model)
    for average, of in ((layer.moving_mean, np.mean), (layer.moving_variance, np.var)):
        expected = (0.9 * of(batches[2], axis=0) + share * of(batches[3], axis=0)) / (0.9 + share)
        np.testing.assert_allclose(np.asarray(average.value), expected, rtol=1e-5)
    assert layer.momentum == 0.9


def test_what_learns_nothing_keeps_its_averages() -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.BatchNormalization(momentum=0.9)])
    (layer,) = norms(model)
    layer.trainable = False
    before = model.get_weights()
    followed = Norms(model, 10, 128)
    assert not followed.is_needed
    followed.on_epoch_begin(0)
    followed.on_test_begin()
    for one, same in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, same)


def test_a_run_that_paused_equals_one_that_ran_through_bit_for_bit(tmp_path: Path) -> None:
    prepare("float32", 1)
    data, checkpoint = images(120), Checkpoint(tmp_path / "checkpoint.npz")
    whole, other = network(data, 0.2), network(data, 0.2)
    history = train(data, whole, EPOCH, 50, epochs=4)
    train(data, other, EPOCH, 50, epochs=4, pause_after=2, checkpoint=checkpoint)
    other = network(data, 0.2)
    resumed = train(data, other, EPOCH, 50, epochs=4, checkpoint=checkpoint)
    assert values(resumed, "val_loss") == values(history, "val_loss")
    for one, same in zip(whole.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, same)


@pytest.mark.slow
def test_networks_with_other_steps_share_a_graph_and_give_what_each_gives_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepare("float32", 1)
    data, sizes = images(120), (128, 64)
    alone = []
    for size in sizes:
        monkeypatch.setattr(traced, "_kept", type(traced._kept)())
        alone.append(values(train(data, network(data, 0.2), EPOCH, size), "val_loss"))
    monkeypatch.setattr(traced, "_kept", type(traced._kept)())
    assert [values(train(data, network(data, 0.2), EPOCH, size), "val_loss") for size in sizes] == alone
    assert len(traced._kept) == 1


def test_a_network_of_ones_own_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    module = sys.modules["src.training.course"]
    monkeypatch.setattr(module, "fit", lambda *given: seen.append(given[3].norm_statistics) or History())
    config, data = composed(), images(20)
    for model in (config.model, Custom(build="my_nets.build")):
        chosen = dataclasses.replace(config, model=model)
        course = plain(network(data), data)
        fit_course(
            course, lambda: keras.optimizers.Adam(), chosen, "loss", 0, lambda *_: GO_ON, Checkpoint(None),
            lambda _: None,
        )  # fmt: skip
    assert seen == [EPOCH, RUNNING]


def test_a_long_run_hands_over_no_steps_in_a_row_where_the_last_one_must_be_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = images(120)
    expected = values(train(data, network(data), EPOCH, 50), "val_loss")
    monkeypatch.setattr(traced, "MANY_STEPS", 1)
    monkeypatch.setattr(traced, "_kept", type(traced._kept)())
    assert values(train(data, network(data), EPOCH, 50), "val_loss") == expected
