"""A model in another format says the same, or is not kept."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import keras
import numpy as np
import pytest

from src.deployment import find_model
from src.deployment.exporting import Unequal, export
from src.deployment.formats import FORMATS, in_float32
from tests.helpers.kept import write_model
from tests.helpers.kills import killed_at_each_step

IMAGES = np.arange(5 * 16, dtype=np.uint8).reshape(5, 4, 4, 1)


def test_a_copy_is_kept_with_what_belongs_beside_it(tmp_path: Path) -> None:
    model = find_model(str(write_model(tmp_path / "model", temperature=2.0)))
    export(model, model.load(), "keras", tmp_path / "out", IMAGES)
    (tmp_path / "out/.999999999-model.keras").touch()  # of a process that was killed
    (tmp_path / "out/.1-model.keras").touch()  # of one that lives
    done = export(model, model.load(), "keras", tmp_path / "out", IMAGES)  # what is there is replaced
    (tmp_path / "out/.1-model.keras").unlink()
    assert done.difference < 1e-6
    assert done.size == model.file.stat().st_size
    assert sorted(os.listdir(tmp_path / "out")) == ["calibration.json", "model.keras", "preprocessing.json"]
    again = find_model(str(tmp_path / "out"))
    assert (again.preprocessing, again.temperature) == (model.preprocessing, 2.0)


@pytest.mark.parametrize("other", [lambda images: np.full((5, 3), 1 / 3), lambda images: np.full((5, 3), np.nan)])
def test_a_model_that_says_something_else_is_not_kept(tmp_path: Path, other: Any) -> None:
    model = find_model(str(write_model(tmp_path / "model")))
    export(model, model.load(), "keras", tmp_path / "out", IMAGES)
    before = (tmp_path / "out/model.keras").read_bytes()
    wrong = replace(FORMATS["keras"], open=lambda *_: other)
    with (
        mock.patch.dict(FORMATS, keras=wrong),
        pytest.raises(Unequal, match="the keras model answers otherwise: a prob"),
    ):
        export(model, model.load(), "keras", tmp_path / "out", IMAGES)
    assert (tmp_path / "out/model.keras").read_bytes() == before
    assert len(os.listdir(tmp_path / "out")) == 3


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")  # tf2onnx's, of NumPy
def test_an_exact_gelu_is_written_as_onnx(tmp_path: Path) -> None:
    pytest.importorskip("tf2onnx")
    model = find_model(str(write_model(tmp_path / "model")))
    images = keras.Input((4, 4, 1))
    flat: Any = keras.layers.Flatten()(images)
    hidden: Any = keras.layers.Dense(8, "gelu")(keras.layers.Rescaling(1 / 255)(flat))
    network = keras.Model(images, keras.layers.Dense(3, "softmax")(keras.layers.Dense(8, "gelu")(hidden)))
    assert export(model, network, "onnx", tmp_path / "out", IMAGES).difference < 1e-5


@pytest.mark.slow
def test_half_precision_may_round_otherwise_in_any_format(tmp_path: Path) -> None:
    model = find_model(str(write_model(tmp_path / "model")))
    images = keras.Input((4, 4, 1))
    flat: Any = keras.layers.Flatten()(images)
    network: Any = keras.Model(images, keras.layers.Dense(3, "softmax", dtype="mixed_bfloat16")(flat))
    rounded = replace(FORMATS["keras"], open=lambda *_: lambda images: np.asarray(network(images)) + 0.002)
    with mock.patch.dict(FORMATS, keras=rounded):
        assert export(model, network, "keras", tmp_path / "out", IMAGES).difference > 1e-3


def test_mixed_precision_becomes_float32_with_the_same_weights() -> None:
    images = keras.Input((4, 4, 1))
    hidden: Any = keras.layers.Conv2D(3, 2, dtype="mixed_bfloat16")(images)
    flat: Any = keras.layers.Flatten(dtype="mixed_bfloat16")(hidden)
    network = keras.Model(images, keras.layers.Dense(2, "softmax", dtype="float32")(flat))
    copy: Any = in_float32(network)
    assert {layer.dtype_policy.name for layer in copy.layers} == {"float32"}
    for one, other in zip(network.get_weights(), copy.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    mixed: Any = network
    np.testing.assert_allclose(np.asarray(copy(IMAGES)), np.asarray(mixed(IMAGES)), atol=0.02)
    assert in_float32(copy) is copy


@pytest.mark.parametrize("folders", [False, True], ids=["a file", "a folder"])
def test_after_a_kill_what_is_there_is_whole_and_the_same_command_goes_on(tmp_path: Path, folders: bool) -> None:
    model, out = find_model(str(write_model(tmp_path / "model"))), tmp_path / "out"
    network = mock.Mock(**{"_flatten_layers.return_value": [], "get_config.return_value": {}})
    network.side_effect = lambda images, training: np.full((len(images), 3), 1 / 3, np.float32)

    def write(_: Any, __: Any, place: Path) -> None:
        if folders:
            place.mkdir()
        (place / "weights" if folders else place).write_text("whole")

    simple = replace(
        FORMATS["keras"], write=write, open=lambda *_: lambda images: np.full((len(images), 3), 1 / 3, np.float32)
    )
    with mock.patch.dict(FORMATS, keras=simple):

        def again(_: int = 0) -> None:
            export(model, network, "keras", out, IMAGES)

        def check() -> None:
            if (file := out / "model.keras").exists():
                assert (file / "weights" if folders else file).read_text() == "whole"
                assert find_model(str(out / "model.keras")).class_names == model.class_names
            for name in ("preprocessing.json", "calibration.json"):
                if (out / name).exists():
                    assert json.loads((out / name).read_text())

        for _ in killed_at_each_step(again):
            check()
        for _ in killed_at_each_step(again):  # what was there is replaced
            check()
        again()
    assert sorted(os.listdir(out)) == ["calibration.json", "model.keras", "preprocessing.json"]
