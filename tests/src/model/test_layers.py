"""What each regularizer does to loss, outputs and weights, beside its formula."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from src.model import build
from tests.src.model.test_model import SCHEMAS, images, load, weights


def outputs_of(model: keras.Model, layer: str, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what goes into a layer and what comes out of it, in training mode."""
    both = keras.Model(model.input, [model.get_layer(layer).input, model.get_layer(layer).output])
    before, after = both(pixels, training=True)
    return np.asarray(before), np.asarray(after)


@pytest.mark.parametrize("name", SCHEMAS)
def test_l1_and_l2_add_to_the_loss_what_the_formula_says(name):
    l1, l2 = 1e-3, 1e-2
    model = build(load(name, filters=4, l1=l1, l2=l2), (8, 8, 1), 3, seed=0)
    trained = {weight.path for weight in model.trainable_weights}
    kernels = [value for path, value in weights(model).items() if path.endswith("kernel") and path in trained]
    expected = sum(l1 * np.abs(kernel).sum() + l2 * np.square(kernel).sum() for kernel in kernels)
    np.testing.assert_allclose(sum(float(loss) for loss in model.losses), expected, rtol=1e-4)


def test_no_penalty_without_l1_and_l2():
    assert build(load("cnn", filters=4), (8, 8, 1), 3, seed=0).losses == []


def test_penalties_are_part_of_the_evaluated_loss():
    pixels, labels = images((8, 8, 8, 1)), np.arange(8) % 3
    losses = []
    for l1, l2 in ((0.0, 0.0), (0.01, 0.1)):
        model = build(load("cnn", filters=4, l1=l1, l2=l2), (8, 8, 1), 3, seed=0, scale=[1 / 255])
        model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
        losses.append(model.evaluate(pixels, labels, verbose="0"))
    kernels = [value for path, value in weights(model).items() if path.endswith("kernel")]
    expected = sum(0.01 * np.abs(kernel).sum() + 0.1 * np.square(kernel).sum() for kernel in kernels)
    np.testing.assert_allclose(losses[1] - losses[0], expected, rtol=1e-4)


def test_l2_is_a_weight_decay_of_two_l2_w():
    rate, l2 = 0.1, 0.05
    steps = []
    for value in (0.0, l2):
        model = build(load("cnn", filters=4, dropout=0.0, l2=value), (8, 8, 1), 3, seed=0, scale=[1 / 255])
        model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy", run_eagerly=True)
        initial = weights(model)["dense/kernel"]
        model.train_on_batch(images((8, 8, 8, 1)), np.arange(8) % 3)
        steps.append(weights(model)["dense/kernel"])
    np.testing.assert_allclose(steps[1] - steps[0], -rate * 2 * l2 * initial, rtol=1e-3, atol=1e-7)


def test_dropout_drops_values_and_scales_the_others():
    model = build(load("cnn", filters=4, dropout=0.4), (8, 8, 1), 3, seed=0, scale=[1 / 255])
    before, after = outputs_of(model, "dropout", images((200, 8, 8, 1)))
    kept = after.astype(bool)
    np.testing.assert_allclose(after[kept], before[kept] / 0.6, rtol=1e-5)
    assert np.mean(kept[before.astype(bool)]) == pytest.approx(0.6, abs=0.02)


def test_spatial_dropout_drops_whole_maps():
    model = build(load("cnn", filters=16, spatial_dropout=0.25), (8, 8, 1), 3, seed=0, scale=[1 / 255])
    before, after = outputs_of(model, "block1_spatial_dropout", images((100, 8, 8, 1)))
    alive, kept = np.asarray(before.any(axis=(1, 2))), np.asarray(after.any(axis=(1, 2)))
    expected = np.where(kept[:, None, None, :], before / 0.75, 0)
    np.testing.assert_allclose(after, expected, rtol=1e-5)
    assert np.mean(kept[alive]) == pytest.approx(0.75, abs=0.04)


def test_dropout_does_nothing_outside_training():
    pixels = images((4, 8, 8, 1))
    plain, dropped = (
        build(load("cnn", filters=4, dropout=rate, spatial_dropout=rate), (8, 8, 1), 3, seed=0)(pixels)
        for rate in (0.0, 0.5)
    )
    assert np.array_equal(plain, dropped)


def test_batch_norm_normalizes_each_channel_and_follows_its_statistics():
    model = build(load("cnn", filters=4, batch_norm=True), (8, 8, 1), 3, seed=0, scale=[1 / 255])
    before, after = outputs_of(model, "block1_norm", images((32, 8, 8, 1)))
    mean, variance = before.mean(axis=(0, 1, 2)), before.var(axis=(0, 1, 2))
    np.testing.assert_allclose(after, (before - mean) / np.sqrt(variance + 1e-3), rtol=1e-3, atol=1e-5)
    moving = weights(model)
    np.testing.assert_allclose(moving["block1_norm/moving_mean"], 0.1 * mean, rtol=1e-4)
    np.testing.assert_allclose(moving["block1_norm/moving_variance"], 0.9 + 0.1 * variance, rtol=1e-4)
    outside_training = np.asarray(model.get_layer("block1_norm")(before, training=False))
    expected = (before - 0.1 * mean) / np.sqrt(0.9 + 0.1 * variance + 1e-3)
    np.testing.assert_allclose(outside_training, expected, rtol=1e-3, atol=1e-5)
