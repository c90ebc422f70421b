"""The formula OH = (H + 2P - FH) / S + 1 against Keras, and images that shrink to nothing."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import keras
import numpy as np
import pytest

from src.config.model import CNN
from src.model import build
from src.model.geometry import check_geometry, layer_shapes, output_size, same_padding
from tests.src.model.test_model import SCHEMAS, load


def window_layer(kind: str, kernel: int, stride: int, padding: str) -> keras.Layer:
    if kind == "conv":
        return keras.layers.Conv2D(2, kernel, strides=stride, padding=padding)
    layer = keras.layers.MaxPooling2D if kind == "max" else keras.layers.AveragePooling2D
    return layer(kernel, strides=stride, padding=padding)


def keras_size(kind: str, size: int, kernel: int, stride: int, padding: str) -> int:
    try:
        return window_layer(kind, kernel, stride, padding).compute_output_shape((1, size, size, 3))[1]
    except ValueError:  # Keras refuses an output of nothing
        return 0


def test_formula_equals_keras_for_random_windows():
    random = Random(0)
    for _ in range(600):
        size, kernel, stride = random.randint(1, 64), random.randint(1, 11), random.randint(1, 5)
        padding, kind = random.choice(["same", "valid"]), random.choice(["conv", "max", "average"])
        case = (kind, size, kernel, stride, padding)
        assert max(output_size(size, kernel, stride, padding), 0) == max(keras_size(*case), 0), case


def test_same_padding_puts_the_odd_pixel_after():
    assert same_padding(8, 3, 1) == (1, 1)
    assert same_padding(8, 3, 2) == (0, 1)
    assert same_padding(8, 1, 3) == (0, 0)
    ones = keras.ops.ones((1, 8, 1, 1))
    layer = keras.layers.Conv2D(1, 3, strides=2, padding="same", kernel_initializer="ones")
    # Only the last window reads the padding; with one pixel before, the first would.
    assert np.asarray(layer(ones))[0, :, 0, 0].tolist() == [3.0, 3.0, 3.0, 2.0]


def random_cnn(random: Random) -> CNN:
    return CNN(
        filters=random.randint(1, 3),
        depth=random.randint(1, 4),
        kernel_size=random.randint(1, 7),
        stride=random.randint(1, 3),
        padding=random.choice(["same", "valid"]),
        pooling=random.choice(["max", "average", "none"]),
        dense_units=2,
        dropout=0.0,
        spatial_dropout=0.0,
        batch_norm=False,
        l1=0.0,
        l2=0.0,
    )


def test_random_networks_have_the_shapes_foretold():
    random = Random(1)
    built = shrunk = 0
    while built < 15 or shrunk < 15:
        config = random_cnn(random)
        shape = (random.randint(4, 32), random.randint(4, 32), random.choice([1, 3, 4]))
        if check_geometry(config, shape):
            shrunk += 1
            with pytest.raises(ValueError, match="must leave at least 1x1"):
                build(config, shape, 2, seed=0)
            continue
        built += 1
        model = build(config, shape, 2, seed=0)
        for name, expected in layer_shapes(config, shape).items():
            assert model.get_layer(name).output.shape[1:] == expected


def test_the_message_names_layer_sizes_and_a_way_out():
    (problem,) = check_geometry(load("cnn", depth=5), (8, 8, 1))
    assert problem == (
        "`model` must leave at least 1x1 of a 8x8 image, got: layer block4_pool (window 2x2, stride 2, "
        "padding valid) gets 1x1 and would give 0x0; type e.g. model.depth=3"
    )


@pytest.mark.parametrize(
    ("values", "shape", "repair"),
    [
        ({"padding": "valid", "depth": 2}, (8, 8, 1), "model.padding=same"),
        ({"padding": "same", "stride": 3, "depth": 2}, (8, 8, 1), "model.stride=1"),
        ({"padding": "valid", "kernel_size": 9, "depth": 1, "pooling": "none"}, (8, 8, 1), "model.padding=same"),
        ({"depth": 1}, (1, 1, 1), "model.pooling=none"),
    ],
)
def test_the_way_out_is_one(values, shape, repair):
    config = load("cnn", **values)
    (problem,) = check_geometry(config, shape)
    assert problem.endswith(f"type e.g. {repair}")
    key, _, value = repair.removeprefix("model.").partition("=")
    assert check_geometry(replace(config, **{key: int(value) if value.isdigit() else value}), shape) == []


def test_the_way_out_may_be_larger_images():
    config = load("cnn", padding="valid", kernel_size=9, stride=2, depth=2)
    (problem,) = check_geometry(config, (4, 4, 1))
    assert problem.endswith("type e.g. dataset.image_size=64")
    assert check_geometry(config, (64, 64, 1)) == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_defaults_fit_the_smallest_images(name):
    assert check_geometry(load(name), (8, 8, 1)) == []
