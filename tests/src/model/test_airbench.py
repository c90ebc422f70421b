"""airbench: what its layers do before anything is trained."""

from typing import Any

import keras
import numpy as np
import pytest

from src.dataset import Dataset, Split
from src.model import architectures, build, whiten
from src.model.geometry import ShapeNet
from tests.src.model.test_model import SCHEMAS, load, weights


def data(channels: int = 3) -> Dataset:
    """Images whose neighbouring pixels, and whose channels, are alike."""
    rng = np.random.default_rng(0)
    smooth = rng.integers(0, 200, (60, 5, 5, 1)).repeat(3, 1).repeat(3, 2) + rng.integers(0, 50, (60, 15, 15, channels))
    split = Split(smooth.astype("uint8"), np.arange(60) % 3)
    return Dataset("smooth", split, split, None, ("a", "b", "c"), (1 / 64,) * channels, (-2.0,) * channels)


@pytest.mark.parametrize("channels", [1, 3])
def test_whitened_patches_are_of_one_size_and_alike_in_nothing(channels: int) -> None:
    images = data(channels)
    model: Any = build(load("airbench"), images.input_shape, 3, 0, images.scale, images.offset)
    whiten(model, images)
    layer = model.get_layer("whitening")
    found = np.asarray(keras.Model(model.input, layer.output)(images.train.images))
    kinds = 4 * channels
    flat = found.reshape(-1, 2 * kinds)
    np.testing.assert_allclose(flat[:, kinds:], -flat[:, :kinds], atol=1e-5)
    np.testing.assert_allclose(flat[:, :kinds].T @ flat[:, :kinds] / len(flat), np.eye(kinds), atol=0.05)
    assert layer.trainable_weights == []
    before = layer.get_weights()
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    model.train_on_batch(*images.train)
    np.testing.assert_array_equal(layer.get_weights()[0], before[0])


def test_convolutions_pass_their_channels_on_and_biases_learn_so_many_times_as_fast() -> None:
    images = data()
    model: Any = build(load("airbench", filters=16), images.input_shape, 3, 0, images.scale, images.offset)
    kernel = weights(model)["group2_conv1/kernel"]
    np.testing.assert_array_equal(kernel[1, 1, :, :16], np.eye(16))
    assert not kernel[[0, 0, 2, 2], [0, 2, 0, 2], :, :16].any()

    def moved(scale: float) -> np.ndarray:
        normalized: Any = build(load("airbench", bias_scale=scale), images.input_shape, 3, 0, images.scale)
        normalized.compile(keras.optimizers.SGD(1e-3), "sparse_categorical_crossentropy", run_eagerly=True)
        normalized.train_on_batch(*images.train)
        assert "group1_norm1/gamma" not in {weight.path for weight in normalized.trainable_weights}
        return np.sqrt(scale) * weights(normalized)["group1_norm1/beta"]

    np.testing.assert_allclose(moved(64.0), 64 * moved(1.0), rtol=1e-2, atol=1e-8)


def test_images_without_any_difference_are_whitened_to_numbers() -> None:
    same = Split(np.zeros((4, 8, 8, 1), "uint8"), np.arange(4) % 2)
    images = Dataset("black", same, same, None, ("a", "b"), None, None)
    model = build(load("airbench", filters=2), (8, 8, 1), 2, 0)
    whiten(model, images)
    assert np.isfinite(np.asarray(model(same.images))).all()


class Watching(ShapeNet):
    pooled = False

    def global_average(self, x, name):
        self.pooled = True
        return super().global_average(x, name)

    def global_max(self, x, name):
        self.pooled = True
        return super().global_max(x, name)


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("stem", ["small", "published"])
def test_the_networks_that_take_any_size_are_those_that_pool_globally(name: str, stem: str) -> None:
    more = {"stem": stem} if hasattr(load(name), "stem") else {}
    config, net = load(name, **more), Watching()
    architectures.connect(net, (227, 227, 3), config)
    assert config.any_size == net.pooled
