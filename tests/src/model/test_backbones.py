"""Backbones: the table of names against Keras, preprocessing, blocks, weights from files."""

from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np
import pytest

from src.config.backbones import BACKBONES, LITE
from src.model import backbones
from src.model.own import ModelError
from tests.helpers.backbones import array, settings, small

OF_KERAS = {name: backbone for name, backbone in BACKBONES.items() if name != LITE}


def test_the_names_are_those_of_keras() -> None:
    there = vars(keras.applications)
    assert {name for name in there if not name.startswith("_") and not isinstance(there[name], ModuleType)} == set(
        OF_KERAS
    )
    for name, backbone in OF_KERAS.items():
        assert there[name].__module__ == f"keras.src.applications.{backbone.module}"


@pytest.mark.parametrize("name", OF_KERAS)
def test_the_least_sizes_are_those_of_keras(name: str) -> None:
    least = OF_KERAS[name].least
    with pytest.raises(ValueError, match=f"at least {least}x{least}"):
        getattr(keras.applications, name)(weights=None, include_top=False, input_shape=(least - 1, least, 3))


@pytest.mark.parametrize("module", sorted({backbone.module for backbone in OF_KERAS.values()}))
def test_pixels_are_prepared_as_keras_does(module: str) -> None:
    name = next(name for name, backbone in OF_KERAS.items() if backbone.module == module)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype("uint8")
    images = keras.Input((4, 4, 3))
    found = keras.Model(images, backbones.prepared(images, name))(pixels)
    expected = getattr(keras.applications, module).preprocess_input(pixels.astype("float32"))
    np.testing.assert_allclose(array(found), expected, atol=2e-5)


@pytest.mark.parametrize("name", [LITE, "VGG16"])
def test_grey_images_are_seen_in_three_channels(name: str) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 1)).astype("float32")
    images, colours = keras.Input((4, 4, 1)), keras.Input((4, 4, 3))
    of_grey = keras.Model(images, backbones.prepared(images, name))(grey)
    of_colours = keras.Model(colours, backbones.prepared(colours, name))(np.repeat(grey, 3, axis=-1))
    np.testing.assert_array_equal(np.asarray(of_grey), np.asarray(of_colours))


def names_of(blocks: list[list[keras.Layer]]) -> list[list[str]]:
    return [[layer.name for layer in block if layer.weights] for block in blocks]


def test_blocks_end_where_branches_meet() -> None:
    network = small(settings(), 32, 32, 0)
    assert names_of(backbones.blocks(network)) == [["conv0", "norm0"], ["conv1", "norm1"]]
    assert [layer for block in backbones.blocks(network) for layer in block] == network.layers
    for trainable, learn in {"head": set(), 1: {"conv1"}, 2: {"conv0", "conv1"}}.items():
        backbones.free(network, trainable)
        assert {variable.path.split("/")[0] for variable in network.trainable_variables} == learn
    backbones.free(network, 9)
    assert len(network.trainable_variables) == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("VGG16", ["block5_conv1", "block5_conv2", "block5_conv3"]),
        ("MobileNetV2", ["Conv_1", "Conv_1_bn"]),
        (LITE, ["conv_head", "bn1"]),
    ],
)
def test_blocks_of_known_networks(name: str, last: list[str]) -> None:
    network = backbones.load(settings(backbone=name, weights=None), 64, 64, 0)
    found = names_of(backbones.blocks(network))
    assert set(last) <= set(found[-1])
    assert len(found) == {"VGG16": 5, "MobileNetV2": len(found), LITE: len(found)}[name] >= 5


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of the smallest backbone that Keras has, in each kind of file."""
    folder = tmp_path_factory.mktemp("weights")
    network = backbones.load(settings(backbone="MobileNetV3Small", weights=None), 32, 32, seed=5)
    for name in ("a.weights.h5", "a.keras"):
        (network.save_weights if name.endswith("h5") else network.save)(folder / name)
    np.save(folder / "first.npy", network.get_weights()[0])
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.weights.h5", "a.keras"])
def test_weights_come_from_a_file(written: Path, name: str) -> None:
    config = settings(backbone="MobileNetV3Small", weights=str(written / name))
    network = backbones.frozen(config, 32, 32)
    np.testing.assert_array_equal(network.get_weights()[0], np.load(written / "first.npy"))
    assert not network.trainable_variables
    assert backbones.frozen(config, 32, 32) is network


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MobileNetV3Large", LITE])
def test_weights_of_another_backbone_are_refused_in_one_line(written: Path, name: str) -> None:
    config = settings(backbone=name, weights=str(written / "a.weights.h5"))
    with pytest.raises(ModelError) as caught:
        backbones.load(config, 32, 32, 0)
    assert str(caught.value).startswith(
        f"`model.weights` must be a file of {name}'s weights without its last layer, got "
    )
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("; type e.g. model.weights=imagenet")
    assert "objects could not be loaded" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            "A total of 9 objects could not be loaded. Example error message for object <Conv2D name=Conv1, built=True>"
            ":\n\nThe shape of the target variable and the shape of the target value in `variable.assign(value)` must "
            "match. variable.shape=(3, 3, 3, 32), Received: value.shape=(3, 3, 3, 16). Target variable: <Variable>",
            "its layer Conv1 has weights of shape (3, 3, 3, 32), and the file of (3, 3, 3, 16)",
        ),
        (
            "A total of 2 objects could not be loaded. Example error message for object <Conv2D name=project, "
            "built=True>:\n\nLayer 'project' expected 1 variables, but received 2 variables during loading. "
            "Expected: []",
            "Layer 'project' expected 1 variables, but received 2 variables during loading",
        ),
        ("Unable to synchronously open file (truncated file)", None),
    ],
)
def test_what_does_not_fit_is_told_without_the_rest(said: str, expected: str | None) -> None:
    assert backbones._misfit(said) == expected


def test_what_keras_cannot_download_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def unreachable(**_: Any) -> None:
        raise Exception("URL fetch failure on https://example.org: None --\n [Errno -3] no net")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(keras.applications, "MobileNet", unreachable)
    with pytest.raises(
        ModelError, match=r"^`model.weights` must be a file, or null, where Keras cannot download Mob.*net"
    ):
        backbones.load(settings(backbone="MobileNet"), 32, 32, 0)
