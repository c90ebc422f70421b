"""What trains when with `model=pretrained`: the head, then the backbone's last blocks, pauses between, graphs again."""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from src.config.augmentation import AugmentationConfig
from src.config.dataset import DatasetConfig
from src.config.schedule import Constant, OneCycle, Plateau, ScheduleConfig
from src.config.schema import Config
from src.config.training import TrainingConfig
from src.model import backbones
from src.model.pretrained import backbone_of
from src.training import Checkpoint, Course, History, Verdict, course, finished, fit_course, prepare, traced
from src.training.course import plain
from tests.helpers.backbones import array, photographs, settings, small

OFF = AugmentationConfig()
STREAM = AugmentationConfig(horizontal_flip=True)
GO_ON: Callable[..., Verdict] = lambda *_: Verdict.GO_ON  # noqa: E731


@pytest.fixture(autouse=True)
def a_small_backbone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(backbones, "load", small)
    monkeypatch.setattr(backbones, "_frozen", type(backbones._frozen)())
    monkeypatch.setattr(traced, "_kept", type(traced._kept)())


def config(
    epochs: int = 2,
    tuned: int = 2,
    augmentation: AugmentationConfig = OFF,
    schedule: ScheduleConfig | None = None,
    stopping: int | None = None,
    **model: Any,
) -> Config:
    training = TrainingConfig(
        epochs=epochs, batch_size=8, fine_tune_epochs=tuned, precision="float32", early_stopping=stopping
    )
    return Config(
        dataset=DatasetConfig("made"), model=settings(**model), training=training, augmentation=augmentation,
        schedule=schedule or Constant(), seed=0,
    )  # fmt: skip


def train(
    chosen: Config,
    seed: int = 0,
    ask: Callable[..., Verdict] = GO_ON,
    checkpoint: Checkpoint | None = None,
    rate: float = 0.01,
) -> tuple[Course, History]:
    prepare("float32", 1)
    begun = course(chosen, photographs(), seed)
    make = lambda: keras.optimizers.Adam(rate)  # noqa: E731
    kept = checkpoint or Checkpoint(None)
    return fit_course(begun, make, chosen, "val_loss", seed, ask, kept, lambda _: None)


def numbers(history: History) -> list[list[float]]:
    return [[epoch[name] for name in ("loss", "val_loss", "learning_rate")] for epoch in history.epochs]


def backbone_weights(done: Course) -> dict[str, np.ndarray]:
    return {weight.path: array(weight) for weight in backbone_of(done.whole()).weights}


def untouched() -> dict[str, np.ndarray]:
    return {weight.path: array(weight) for weight in small(settings(), 32, 32, 0).weights}


def changed(done: Course) -> set[str]:
    before = untouched()
    return {path for path, value in backbone_weights(done).items() if not np.array_equal(value, before[path])}


@pytest.mark.parametrize(
    "augmentation", [pytest.param(OFF, id="features"), pytest.param(STREAM, id="images", marks=pytest.mark.slow)]
)
def test_the_head_learns_first_and_then_what_is_trainable(augmentation: AugmentationConfig) -> None:
    done, history = train(config(augmentation=augmentation, trainable=1))
    assert len(history.epochs) == 4
    assert [round(epoch["learning_rate"], 6) for epoch in history.epochs] == [0.01, 0.01, 0.001, 0.001]
    assert done.seen.train.images.ndim == 4
    if history.best_epoch > 2:
        assert changed(done) == {"conv1/kernel", "conv1/bias"}
    losses = [epoch["val_loss"] for epoch in history.epochs]
    assert history.best["val_loss"] == min(losses)
    found = keras.losses.sparse_categorical_crossentropy(
        done.seen.validation.labels, done.network(done.seen.validation.images)
    )
    assert np.mean(np.asarray(found)) == pytest.approx(min(losses), rel=1e-4)


def test_statistics_stay_frozen_where_everything_learns() -> None:
    done, history = train(config(epochs=3, tuned=0, trainable="all"))
    assert len(history.epochs) == 3
    assert changed(done) == {f"conv{i}/{part}" for i in range(2) for part in ("kernel", "bias")}
    again = finished(done.whole(), keras.optimizers.Adam(), photographs(), config().training)
    again.fit(photographs().train.images, photographs().train.labels, epochs=1, verbose=0)  # pyright: ignore
    before = untouched()
    for weight in backbone_of(again).weights:
        if "norm" in weight.path:
            np.testing.assert_array_equal(array(weight), before[weight.path])


def test_a_head_alone_learns_on_features_and_the_whole_model_knows() -> None:
    done, history = train(config(tuned=0))
    assert done.seen.train.images.ndim == 2
    assert len(history.epochs) == 2
    assert changed(done) == set()
    data = photographs()
    of_features = np.asarray(done.network(np.asarray(done.seen.validation.images, "float32")))
    kept = finished(done.whole(), keras.optimizers.Adam(), data, config().training)
    np.testing.assert_allclose(np.asarray(kept(data.validation.images)), of_features, atol=2e-3)
    assert done.parameters == kept.count_params()


@pytest.mark.slow
def test_a_later_trial_needs_no_new_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    for name in ("train_step", "test_step"):
        step = getattr(keras.Model, name)
        monkeypatch.setattr(keras.Model, name, lambda self, data, n=name, s=step: (calls.append(n), s(self, data))[1])
    new, history = train(config(trainable=1), seed=3)
    weights = new.network.get_weights()
    traced._kept.clear()
    train(config(trainable=1), seed=1, rate=0.02)
    traces = list(calls)
    again, same = train(config(trainable=1), seed=3)
    assert calls == traces
    assert numbers(same) == numbers(history)
    for one, other in zip(again.network.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("pause_after", "chosen"),
    [
        pytest.param(2, config(trainable=1), marks=pytest.mark.slow),  # between the phases
        (1, config(trainable="head")),
        pytest.param(2, config(trainable="head"), marks=pytest.mark.slow),  # whose second phase has the same variables
        pytest.param(3, config(trainable="all"), marks=pytest.mark.slow),
        pytest.param(
            3, config(trainable="head", schedule=Plateau(factor=0.5, patience=1, min_rate=0.0)), marks=pytest.mark.slow
        ),
        pytest.param(2, config(trainable=1, augmentation=STREAM), marks=pytest.mark.slow),
        pytest.param(3, config(trainable=1, augmentation=STREAM), marks=pytest.mark.slow),
        pytest.param(
            3,
            config(trainable="head", schedule=OneCycle(warmup=0.25, initial_divisor=25.0, final_divisor=1e5)),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_pause_changes_nothing(tmp_path: Path, pause_after: int, chosen: Config) -> None:
    unbroken, history = train(chosen, seed=5)
    traced._kept.clear()
    checkpoint = Checkpoint(tmp_path / "checkpoint.npz")
    ask = lambda epoch, *_: Verdict.PAUSE if epoch == pause_after else Verdict.GO_ON  # noqa: E731
    _, first = train(chosen, 5, ask, checkpoint)
    assert first.paused and len(first.epochs) == pause_after
    traced._kept.clear()
    resumed, whole = train(chosen, 5, GO_ON, checkpoint)
    assert numbers(whole) == numbers(history)
    assert whole.best_epoch == history.best_epoch
    for one, other in zip(resumed.network.get_weights(), unbroken.network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_stop_in_the_first_phase_is_a_stop() -> None:
    said: list[tuple[int, bool]] = []

    def ask(epoch: int, metrics: dict[str, float], last: bool) -> Verdict:
        said.append((epoch, last))
        return Verdict.STOP if epoch == 2 else Verdict.GO_ON

    _, history = train(config(), ask=ask)
    assert (len(history.epochs), said) == (2, [(1, False), (2, False)])
    said.clear()
    train(config(epochs=1, tuned=2), ask=lambda *given: (said.append((given[0], given[2])), Verdict.GO_ON)[1])
    assert said == [(1, False), (2, False), (3, True)]


def test_each_phase_stops_early_by_itself() -> None:
    calls: list[int] = []
    stopping = config(epochs=9, tuned=9, stopping=1, trainable="head")
    _, history = train(replace(stopping), rate=3.0, ask=lambda epoch, *_: (calls.append(epoch), Verdict.GO_ON)[1])
    assert 2 <= history.first_phase < len(history.epochs) < 18
    assert calls == list(range(1, len(history.epochs) + 1))


@pytest.mark.skipif(bool(os.environ.get("TF_DETERMINISTIC_OPS")), reason="Keras uses no XLA then")
@pytest.mark.slow  # XLA tries
def test_what_xla_cannot_compile_is_trained_without_it_where_nobody_asked_for_xla(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys.modules["src.training.fit"], "uses_xla", lambda given, _: given in ("auto", True))

    def trained(jit_compile: bool | str) -> History:
        prepare("float32", 1)
        data = photographs()
        seeds = keras.random.SeedGenerator(3)
        images = keras.Input(data.input_shape)
        # XLA draws from no gamma distribution.
        noisy = keras.layers.Lambda(lambda x: x * keras.random.gamma((1,), 9.0, seed=seeds) / 9)(images)
        flat = keras.layers.Dropout(0.5, seed=1)(keras.layers.Flatten()(noisy))
        classes = len(data.class_names)
        start: Any = keras.initializers.GlorotUniform(seed=0)
        network = keras.Model(images, keras.layers.Dense(classes, "softmax", kernel_initializer=start)(flat))
        chosen = config(tuned=0, schedule=OneCycle(warmup=0.25, initial_divisor=25.0, final_divisor=1e5))
        chosen.training = replace(chosen.training, jit_compile=jit_compile)
        begun, make = plain(network, data), lambda: keras.optimizers.Adam(1e-4)
        return fit_course(begun, make, chosen, "val_loss", 0, GO_ON, Checkpoint(None), lambda _: None)[1]

    expected = trained(False)
    assert not caplog.records
    assert numbers(trained("auto")) == numbers(expected)
    assert "without XLA, which cannot compile it: " in caplog.text
    with pytest.raises(tf.errors.InvalidArgumentError):
        trained(True)
