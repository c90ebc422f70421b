"""Every architecture: a step of training at each size, saving, and the parameter counts of the papers."""

from __future__ import annotations

from math import prod
from typing import Any

import keras
import numpy as np
import pytest

from src.model import build
from src.model.geometry import check_geometry, layer_shapes
from tests.src.model.test_model import SCHEMAS, images, load, weights

SMALL = {"filters": 4, "dropout": 0.3}
SHALLOW = {"inception": {"depth": 14}, "alexnet": {"depth": 7}}  # a step of the full ones takes seconds

# Name, depth, filters and image size as published, batch norm, parameters (sources in each architecture's file).
PUBLISHED = [
    ("alexnet", 8, 96, 227, False, 60_965_224),
    ("vgg", 11, 64, 224, False, 132_863_336),
    pytest.param("vgg", 13, 64, 224, False, 133_047_848, marks=pytest.mark.slow),
    ("vgg", 16, 64, 224, False, 138_357_544),
    pytest.param("vgg", 19, 64, 224, False, 143_667_240, marks=pytest.mark.slow),
    ("inception", 22, 64, 224, False, 6_998_552),
    ("resnet", 18, 64, 224, True, 11_689_512),
    ("resnet", 34, 64, 224, True, 21_797_672),
    ("resnet", 50, 64, 224, True, 25_557_032),
    pytest.param("resnet", 101, 64, 224, True, 44_549_160, marks=pytest.mark.slow),
    pytest.param("resnet", 152, 64, 224, True, 60_192_808, marks=pytest.mark.slow),
]


@pytest.fixture
def zeros(monkeypatch):
    """Fill kernels with zeros: drawing 140 million random numbers takes seconds."""
    monkeypatch.setattr(keras.initializers, "HeNormal", lambda seed: keras.initializers.Zeros())


def published(name: str, depth: int, filters: int, batch_norm: bool):
    return load(name, depth=depth, filters=filters, batch_norm=batch_norm, stem="published")


def sizes(model: keras.Model) -> list[int]:
    return [prod(weight.shape) for weight in model.trainable_weights]


@pytest.mark.parametrize(("name", "depth", "filters", "size", "batch_norm", "parameters"), PUBLISHED)
def test_parameters_are_the_published_ones(zeros, name, depth, filters, size, batch_norm, parameters):
    model = build(published(name, depth, filters, batch_norm), (size, size, 3), 1000, seed=0)
    assert sum(sizes(model)) == parameters


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "depth", "reference"),
    [
        ("resnet", 50, "ResNet50"),
        pytest.param("resnet", 101, "ResNet101", marks=pytest.mark.slow),
        pytest.param("resnet", 152, "ResNet152", marks=pytest.mark.slow),
        pytest.param("vgg", 16, "VGG16", marks=pytest.mark.slow),
        pytest.param("vgg", 19, "VGG19", marks=pytest.mark.slow),
    ],
)
def test_kernels_are_those_of_keras_applications(zeros, name, depth, reference):
    def kernels(model: keras.Model) -> list[tuple[int, ...]]:
        return sorted(tuple(weight.shape) for weight in model.weights if weight.path.endswith("kernel"))

    model = build(published(name, depth, 64, batch_norm=name == "resnet"), (224, 224, 3), 1000, seed=0)
    assert kernels(model) == kernels(getattr(keras.applications, reference)(weights=None))


DEPTHS = {
    "alexnet": (6, 7, 8),
    "vgg": (11, 13, 16, 19),
    "inception": (10, 14, 18, 22),
    "resnet": (18, 34, 50, 101, 152),
}


@pytest.mark.parametrize(("name", "depth"), [(name, depth) for name in DEPTHS for depth in DEPTHS[name]])
def test_depth_counts_the_layers_with_weights(name, depth):
    config = load(name, depth=depth, stem="published", filters=2)
    layers = [layer for layer in layer_shapes(config, (227, 227, 3)) if "pool" not in layer]
    counted = {
        # Of the two towers one; of a module's branches the 3x3 one; not the projections beside the residuals.
        "alexnet": [layer for layer in layers if not layer.endswith("_b")],
        "vgg": layers,
        "inception": [layer for layer in layers if "inception" not in layer or "_3x3" in layer],
        "resnet": [layer for layer in layers if not layer.endswith("_project")],
    }[name]
    assert len(counted) + 1 == depth  # the last layer is not the architecture's


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((8, 8, 1), "uint8"), ((28, 28, 1), "float32"), ((32, 32, 3), "uint8"), ((9, 13, 4), "float32")],
)
@pytest.mark.parametrize("name", SCHEMAS)
def test_one_step_of_training(name, shape, dtype):
    channels = shape[2]
    config = load(name, **SMALL, **SHALLOW.get(name, {}))
    model = build(config, shape, 3, seed=0, scale=[1 / 255] * channels, offset=[-0.5] * channels)
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    before = weights(model)
    loss = model.train_on_batch(images((4, *shape), dtype), np.array([0, 1, 2, 0]))
    assert np.isfinite(loss)
    after = weights(model)
    moved = [not np.array_equal(before[path], after[path]) for path in before if path.endswith("kernel")]
    # A few kernels may see only what ReLU has cut to zero.
    assert np.mean(moved) > 0.8


@pytest.mark.parametrize("name", SCHEMAS)
def test_uint8_and_float32_images_give_the_same(name):
    model = build(load(name, **SMALL), (8, 8, 3), 3, seed=0, scale=[1 / 255] * 3)
    pixels = images((4, 8, 8, 3))
    assert np.array_equal(model(pixels), model(pixels.astype("float32")))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras on NumPy 2
@pytest.mark.parametrize("name", SCHEMAS)
def test_a_saved_model_predicts_the_same(name, tmp_path):
    model = build(load(name, **SMALL), (8, 8, 3), 3, seed=0, scale=[1 / 255] * 3, offset=[0.1, 0.2, 0.3])
    pixels = images((4, 8, 8, 3))
    model.save(tmp_path / "model.keras")
    loaded: Any = keras.saving.load_model(tmp_path / "model.keras")
    assert np.array_equal(loaded(pixels), model(pixels))


@pytest.mark.parametrize("name", SCHEMAS)
def test_same_seed_same_weights(name):
    config = load(name, **SMALL)
    first, again = (weights(build(config, (8, 8, 1), 3, seed=5)) for _ in range(2))
    assert all(np.array_equal(first[path], again[path]) for path in first)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cnn", "mlp", "alexnet", "vgg", "inception", "resnet"])
def test_filters_scale_the_network(name):
    narrow, wide = (sum(sizes(build(load(name, filters=f), (8, 8, 1), 3, seed=0))) for f in (8, 16))
    assert narrow < wide < 4.5 * narrow


@pytest.mark.parametrize(
    ("name", "layer"), [("alexnet", "conv1_a"), ("vgg", "block5_pool"), ("inception", None), ("resnet", None)]
)
def test_published_stem_on_small_images(name, layer):
    problems = check_geometry(load(name, stem="published"), (8, 8, 1) if name == "alexnet" else (28, 28, 1))
    if layer is None:
        assert problems == []
    else:
        (problem,) = problems
        assert f"layer {layer} " in problem and problem.endswith("type e.g. model.stem=small")
