"""Models: what goes in and comes out, seeds, saving, and what each setting does."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from src.config.model import ARCHITECTURES, ModelConfig, check, register
from src.model import build

ROOT = Path(__file__).parents[3]
CONF = ROOT / "conf"
SCHEMAS = {schema.__name__.lower(): schema for schema in ARCHITECTURES}


@cache
def load(name: str, /, **values: object) -> Any:
    """Compose the option `model=<name>` with some values overridden, as the application does."""
    register(ConfigStore.instance())
    overrides = [f"+model={name}", *(f"model.{key}={value}" for key, value in values.items())]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return OmegaConf.to_object(compose(overrides=overrides).model)


def images(shape: tuple[int, ...], dtype: str = "uint8") -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape).astype(dtype)


def weights(model: keras.Model) -> dict[str, np.ndarray]:
    return dict(zip((weight.path for weight in model.weights), model.get_weights(), strict=True))


@pytest.fixture
def small() -> ModelConfig:
    return load("cnn", filters=4, dense_units=8)


def test_first_layer_rescales_and_last_gives_probabilities(small):
    model = build(small, (8, 8, 3), 5, seed=0, scale=[1 / 255, 0.5, 2], offset=[0, 1, -1])
    pixels = images((6, 8, 8, 3))
    first = keras.Model(model.input, model.get_layer("rescaling").output)
    expected = pixels * np.array([1 / 255, 0.5, 2]) + np.array([0, 1, -1])
    np.testing.assert_allclose(first.predict(pixels, verbose="0"), expected, rtol=1e-6)
    probabilities = model.predict(pixels, verbose="0")
    assert probabilities.shape == (6, 5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_no_scale_means_no_rescaling(small):
    model = build(small, (8, 8, 1), 10, seed=0)
    assert "rescaling" not in {layer.name for layer in model.layers}


def test_same_seed_gives_the_same_weights_and_another_seed_others(small):
    first = weights(build(small, (8, 8, 1), 10, seed=3))
    keras.utils.set_random_seed(99)
    again = weights(build(small, (8, 8, 1), 10, seed=3))
    other = weights(build(small, (8, 8, 1), 10, seed=4))
    assert first.keys() == again.keys()
    assert all(np.array_equal(first[path], again[path]) for path in first)
    kernels = [path for path in first if path.endswith("kernel")]
    assert not any(np.array_equal(first[path], other[path]) for path in kernels)


def test_dropout_leaves_the_initial_weights_as_they_are():
    plain, dropped = (
        weights(build(load("cnn", filters=4, dropout=rate, spatial_dropout=rate), (8, 8, 1), 10, seed=3))
        for rate in (0.0, 0.4)
    )
    assert all(np.array_equal(plain[path], dropped[path]) for path in plain)


def test_dropout_masks_depend_on_the_seed_alone(small):
    pixels = images((4, 8, 8, 1))
    initial = build(small, (8, 8, 1), 10, seed=0).get_weights()
    outputs = []
    for seed in (3, 3, 4):
        model = build(small, (8, 8, 1), 10, seed=seed)
        model.set_weights(initial)
        outputs.append(np.asarray(model(pixels, training=True)))
    assert np.array_equal(outputs[0], outputs[1])
    assert not np.array_equal(outputs[0], outputs[2])


def test_layers_have_telling_names(small):
    names = [layer.name for layer in build(small, (8, 8, 1), 10, seed=0).layers]
    assert names[:5] == ["images", "block1_conv", "block1_pool", "block1_norm", "block1_relu"]
    assert names[-1] == "probabilities"


@pytest.mark.parametrize("batch_norm", [True, False])
def test_a_bias_only_where_no_batch_norm_subtracts_it(batch_norm):
    model = build(load("cnn", batch_norm=batch_norm), (8, 8, 1), 10, seed=0)
    assert model.get_layer("block1_conv").use_bias is not batch_norm
    assert any(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers) is batch_norm


def test_probabilities_stay_float32_under_mixed_precision(small):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build(small, (8, 8, 1), 10, seed=0, scale=[1 / 255])
    finally:
        keras.config.set_dtype_policy(before)
    assert model.get_layer("block1_conv").compute_dtype == "bfloat16"
    assert model.predict(images((2, 8, 8, 1)), verbose="0").dtype == np.float32


def test_build_lists_what_is_wrong_with_its_arguments(small):
    with pytest.raises(ValueError, match=r"`model.padding` must be one of same, valid, got full"):
        build(load("cnn", padding="full"), (8, 8, 1), 10, seed=0)
    with pytest.raises(ValueError, match="layer block4_pool"):
        build(load("cnn", depth=5), (8, 8, 1), 10, seed=0)
    with pytest.raises(ValueError, match="at least 2 classes, got 1"):
        build(small, (8, 8, 1), 1, seed=0)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"filters": 0}, "`model.filters` must be a number from 1 up, got 0; type e.g. model.filters=32"),
        ({"dropout": 1.0}, "`model.dropout` must be at least 0 and below 1, got 1.0; type e.g. model.dropout=0.25"),
        ({"l2": float("nan")}, "`model.l2` must be a number from 0 up, got nan; type e.g. model.l2=0.0001"),
        ({"pooling": "avg"}, "`model.pooling` must be one of max, average, none, got avg; type e.g. model.pooling=max"),
        (
            {"dense_units": -1},
            "`model.dense_units` must be a number from 0 up, got -1; type e.g. model.dense_units=128",
        ),
        ({"name": "vgg"}, "`model.name` must be cnn, got vgg; type e.g. model=vgg"),
    ],
)
def test_check_says_what_to_type_instead(values, problem):
    assert check(load("cnn", **values)) == [problem]


def test_check_lists_every_problem():
    assert len(check(load("cnn", filters=0, depth=0, stride=0))) == 3


@pytest.mark.parametrize("name", SCHEMAS)
def test_option_files_pass_the_check(name):
    assert check(load(name)) == []


def test_values_and_sizes_are_checked_without_keras():
    code = (
        "import sys, src.config.model, src.model.geometry; sys.exit(bool({'keras', 'tensorflow'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_units_of_the_mlp_follow_filters_unless_given():
    assert load("mlp", filters=32).dense_units == 32
    assert load("mlp", filters=32, dense_units=7).dense_units == 7
