"""Layers of one's own are kept with their code, and read back without what this process knows."""

import importlib
import json
import re
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest import mock

import keras
import numpy as np
import pytest

from src.config.own_model import Custom
from src.config.training import TrainingConfig
from src.evaluation import Evaluation
from src.model import build, own_code
from src.model.own_code import CODE, MODULES, known, load_model
from src.model.own_kept import Code, NotKept, code_of, files_of, read_code, save
from src.model.own_kept import known as known_here
from src.recording import keep_member
from src.training import finished, prepare
from src.trial import keep
from tests.helpers.training import data

SHAPE = (4, 4, 1)
NETS = """
import keras
import numpy as np
from keras import layers

from convsweep import Infeasible
from nets_of_mine.parts import wavy


class Scale(layers.Layer):
    def build(self, shape):
        self.factor = self.add_weight(shape=(), initializer="ones", name="factor")

    def call(self, features):
        return features * self.factor


class Shift(layers.Layer):
    def __init__(self, by, **more):
        super().__init__(**more)
        self.by = by

    def call(self, features):
        return features + self.by


@keras.saving.register_keras_serializable("mine")
class Decorated(Shift):
    pass


class Bare(layers.Layer):  # as in Keras's examples: `name`, which Keras gives it as it is read, is not taken
    def __init__(self, by):
        super().__init__()
        self.by = by

    def call(self, features):
        return features + self.by

    def get_config(self):
        return {**super().get_config(), "by": self.by}


class Partly(Bare):
    def __init__(self, by, times=1.0):
        super().__init__(by)
        self.times = times

    def call(self, features):
        return self.times * features + self.by


class Around(Bare):
    def __init__(self, by):
        super().__init__(by)
        self.first = layers.Dense(4)

    def build(self, shape):
        self.first.build(shape)
        self.second = layers.Dense(4)
        self.second.build((None, 4))

    def call(self, features):
        return self.second(self.first(features))


class Set(layers.Layer):
    by = 0.0

    def call(self, features):
        return features * self.by


def later():
    layer = Set()
    layer.by = 2.0
    return layer


class Whole(keras.Model):
    def __init__(self, classes, **more):
        super().__init__(**more)
        self.classes, self.flat, self.out = classes, layers.Flatten(), layers.Dense(classes, "softmax")

    def call(self, images):
        return self.out(self.flat(images))

    def get_config(self):
        return {**super().get_config(), "classes": self.classes}


class Unsaid(Whole):
    def get_config(self):
        return super(Whole, self).get_config()


def relu(features):
    return -features


def loss(true, predicted):
    return keras.ops.mean(keras.ops.square(true - predicted))


def adapted():
    layer = layers.Normalization()
    layer.adapt(np.array([[4.0] * 16, [8.0] * 16]))
    return layer


def net(input_shape, classes, kind):
    if kind in ("whole", "unsaid"):
        return Whole(classes) if kind == "whole" else Unsaid(classes)

    class Inside(layers.Layer):
        def call(self, features):
            return features

    kinds = {"scale": Scale, "shift": lambda: Shift(2.0), "decorated": lambda: Decorated(2.0), "inside": Inside,
             "function": lambda: layers.Dense(4, wavy), "lambda": lambda: layers.Lambda(lambda x: 2 * x),
             "bare": lambda: Bare(2.0), "partly": lambda: Partly(2.0, 3.0), "later": later,
             "around": lambda: Around(2.0),
             "names": lambda: layers.Lambda(lambda x: wavy(x) + keras.ops.sin(x)),
             "adapted": adapted, "plain": lambda: layers.Dense(4, "relu"), "builtin": lambda: layers.Dense(4, relu)}
    model = keras.Sequential([keras.Input(input_shape), layers.Flatten(), kinds[kind]()])
    model.add(layers.Dense(classes, "softmax"))
    if kind == "shift":
        model.compile("adam", loss)
    return model
"""
PARTS = "from keras import ops\n\n\ndef wavy(features):\n    return ops.sin(features)\n"
FILES = {"nets_of_mine/__init__.py", "nets_of_mine/nets.py", "nets_of_mine/parts.py"}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of one's own, in the folder where one is; afterwards this process knows nothing of it."""
    (tmp_path / "here/nets_of_mine").mkdir(parents=True)
    for name, text in (("__init__", ""), ("nets", NETS), ("parts", PARTS)):
        (tmp_path / f"here/nets_of_mine/{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path / "here")
    path, registered = list(sys.path), dict(keras.saving.get_custom_objects())
    yield tmp_path
    sys.path[:] = path
    forget()
    keras.saving.get_custom_objects().clear()
    keras.saving.get_custom_objects().update(registered)


def forget() -> None:
    keras.saving.get_custom_objects().clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "nets_of_mine"]:
        del sys.modules[name]


def made(kind: str) -> tuple[keras.Model, Code | None]:
    config = Custom(build="nets_of_mine.nets.net", arguments={"kind": kind})
    network = build(config, SHAPE, 3, 0)
    return network, code_of(config, network)


KINDS = ["scale", "shift", "decorated", "whole", "function", "lambda"]
SLOW = [pytest.param(kind, marks=pytest.mark.slow) for kind in ("bare", "partly", "names")]


@pytest.mark.parametrize("kind", [*KINDS, *SLOW])
def test_what_a_layer_is_made_of_is_kept_and_read_elsewhere(kind: str, package: Path) -> None:
    network, code = made(kind)
    with known_here(code, network):
        copy: Any = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    save(copy, package / "model/data/model.keras", code, package / "model")
    images = np.arange(32, dtype=np.uint8).reshape(2, *SHAPE)
    wanted = np.asarray(network(images))
    forget()
    (package / "here").rename(package / "gone")
    again = load_model(package / "model/data/model.keras")
    np.testing.assert_array_equal(np.asarray(again(images)), wanted)
    assert "nets_of_mine.nets" not in sys.modules, "which another model may mean otherwise"
    assert {str(file.relative_to(package / "model" / CODE)) for file in package.rglob("model/code/**/*.py")} == FILES
    with known(package / "model"):
        config = again.get_config()
        assert type(again).from_config(config).count_params() == again.count_params()


@pytest.mark.slow
def test_a_copy_that_answers_otherwise_is_not_kept(package: Path) -> None:
    network, _ = made("later")
    config: Any = mock.Mock(model=Custom(build="nets_of_mine.nets.net", arguments={"kind": "later"}))
    config.optimizer, config.training = {"_target_": "keras.optimizers.SGD"}, TrainingConfig(precision="float32")
    told = keep(config, mock.Mock(), network, data())
    assert told is not None and "it answers otherwise when it is copied: Set.by is not in get_config; make" in told


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["around", "bare"])
def test_layers_within_compute_in_their_own_precision(kind: str, package: Path) -> None:
    prepare("mixed_bfloat16", 1)
    try:
        network, code = made(kind)
        save(network, package / "model/model.keras", code)
    finally:
        prepare("float32", 1)
    forget()
    again = load_model(package / "model/model.keras")
    assert keras.config.dtype_policy().name == "float32"
    for one, other in zip(network._flatten_layers(), again._flatten_layers(), strict=True):
        assert (
            isinstance(one, keras.Model | keras.layers.InputLayer) or one.dtype_policy.name == other.dtype_policy.name
        )
    images = np.arange(32, dtype=np.uint8).reshape(2, *SHAPE)
    np.testing.assert_array_equal(np.asarray(again(images)), np.asarray(network(images)))


@pytest.mark.slow
def test_settings_of_keras_in_the_code_hold_for_nobody_else(package: Path) -> None:
    parts = package / "here/nets_of_mine/parts.py"
    parts.write_text(f"import keras\nkeras.config.set_image_data_format('channels_first')\n{PARTS}")
    network, code = made("function")
    save(network, package / "model.keras", code)
    forget()
    load_model(package / "model.keras")
    assert keras.config.image_data_format() == "channels_last"


@pytest.mark.slow
def test_a_copy_computes_with_what_a_layer_was_adapted_to(package: Path) -> None:
    network, _ = made("adapted")
    copy = finished(network, keras.optimizers.SGD(), data(), TrainingConfig(precision="float32"))
    images = np.arange(32, dtype=np.uint8).reshape(2, *SHAPE)
    np.testing.assert_array_equal(np.asarray(copy(images)), np.asarray(network(images)))


def test_nobody_elses_code_is_run_or_removed(package: Path) -> None:
    network, code = made("plain")
    victim = package / "victim.py"
    victim.write_text("raise SystemExit")
    save(network, package / "other/model.keras", code)
    (package / MODULES).write_text(json.dumps({"modules": ["victim"], "files": [], "packages": []}))
    assert own_code.folder_of(package / "other/model.keras") == package / "other"
    load_model(package / "other/model.keras")
    for name in ("../../victim.py", str(victim), "victim.txt", 7, ""):
        (package / "other" / MODULES).write_text(json.dumps({"modules": [], "files": [name], "packages": []}))
        assert read_code(package / "other") is None
        with pytest.raises(ValueError, match=f"expected files of Python below code/, got {re.escape(repr(name))}"):
            load_model(package / "other/model.keras")
        save(network, package / "other/model.keras", code)
        assert victim.exists() and not (package / "other" / MODULES).exists()


def test_where_convsweep_is_not_a_second_one_is_read_too(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network, code = made("scale")
    save(network, package / "model.keras", code)
    forget()
    monkeypatch.delitem(sys.modules, "convsweep")
    monkeypatch.setattr(own_code, "find_spec", mock.Mock(return_value=None))
    load_model(package / "model.keras")
    forget()
    monkeypatch.setattr(own_code, "find_spec", find_spec)  # which refuses a module that was made by hand
    load_model(package / "model.keras")


def test_the_code_that_it_was_trained_with_counts(package: Path) -> None:
    network, code = made("shift")
    save(network, package / "model.keras", code)
    images = np.ones((1, *SHAPE), np.uint8)
    wanted = np.asarray(network(images))
    file = package / "here/nets_of_mine/nets.py"
    file.write_text(file.read_text().replace("features + self.by", "features * 0"))
    forget()
    np.testing.assert_array_equal(np.asarray(load_model(package / "model.keras")(images)), wanted)


def test_models_of_two_versions_answer_with_their_own_code(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts, late = package / "here/nets_of_mine/parts.py", package / "here/nets_of_mine/late.py"
    parts.write_text("def wavy(features):\n    from . import late\n    import nets_of_mine.late\n\n"
                     "    return late.BY * nets_of_mine.late.BY * features\n")  # fmt: skip
    images, wanted, codes = np.arange(32, dtype=np.uint8).reshape(2, *SHAPE), [], []
    for by in (0.01, 0.025):
        late.write_text(f"BY = {by}\n")
        importlib.invalidate_caches()
        network, code = made("function")
        save(network, package / f"{by}/model.keras", code)
        wanted.append(np.asarray(network(images)))
        codes.append(code)
        forget()
    late.write_text("BY = 0.03\n")
    monkeypatch.chdir(package)
    models = [load_model(Path("0.01/model.keras")), load_model(package / "0.025/model.keras")]
    for model, said in zip(models, wanted, strict=True):
        np.testing.assert_allclose(np.asarray(model(images)), said, rtol=1e-5)
        np.testing.assert_allclose(model.predict(images, verbose=0), said, rtol=1e-5)
    assert not np.allclose(*wanted)
    with pytest.raises(NotKept, match=r"different versions of nets_of_mine/late\.py: train them again"):
        _ = codes[0] | codes[1]


def test_what_any_keras_reads_needs_no_code(package: Path) -> None:
    network, code = made("plain")
    (package / "model").mkdir()
    other = files_of(Code(["a"], {"a.py": "", "b/c.py": ""}, []))
    for name, text in other.items():
        (package / "model" / name).parent.mkdir(parents=True, exist_ok=True)
        (package / "model" / name).write_text(text)
    save(network, package / "model/model.keras", code)
    assert [file.name for file in (package / "model").iterdir()] == ["model.keras"], "nor that of an earlier one"
    assert read_code(package / "model") is None


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("inside", "Inside is defined within a function: define it at the top of nets_of_mine.nets"),
        ("unsaid", "Unable to revive model from config.* <class .*Unsaid"),
        ("builtin", "it answers otherwise when it is read back"),
    ],
)
def test_what_cannot_be_read_back_is_not_kept(kind: str, why: str, package: Path) -> None:
    network, code = made(kind)
    with pytest.raises(NotKept, match=why) as error:
        save(network, package / "model/model.keras", code, package / "model")
    assert len(str(error.value)) < 400 and "{" not in str(error.value)
    assert not list((package / "model").rglob("*.*")) if (package / "model").exists() else True


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"def wavy(", "was never closed"),
        (None, "No such file"),
        (b"\n\n\n# \xe9\n", "can't decode"),
        (b"\0", "null bytes"),
    ],
)
def test_what_is_edited_while_it_is_trained_costs_no_trial(
    content: bytes | None, why: str, package: Path, caplog: pytest.LogCaptureFixture
) -> None:
    network, _ = made("function")
    file = package / "here/nets_of_mine/parts.py"
    file.write_bytes(content) if content is not None else file.unlink()
    config: Any = mock.Mock(model=Custom(build="nets_of_mine.nets.net", arguments={"kind": "function"}))
    told = keep(config, mock.Mock(), network, mock.Mock(preprocessing=None))
    assert told is not None and re.match(f"its code cannot be read, .*parts.py: .*{why}", told)
    keep_member(package, network, Evaluation(np.zeros((1, 3), np.float32), np.zeros(1, int)), config.model)
    assert "no member of an ensemble: its code cannot be read" in caplog.text
    assert {file.name for file in package.iterdir()} == {"here", "probabilities.npz"}


@pytest.mark.parametrize("folder", ["dist-packages", "site-packages", "a_target"])
def test_a_package_that_another_python_sees_is_installed_as_well(
    folder: str, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (package / folder).mkdir()
    (package / folder / "others_for_nets_of_mine.py").write_text("THERE = 1\n")
    (package / folder / "others-1.0.dist-info").mkdir()
    (package / folder / "others-1.0.dist-info/RECORD").write_text("others_for_nets_of_mine.py,,\n")
    monkeypatch.syspath_prepend(package / folder)
    file = package / "here/nets_of_mine/parts.py"
    file.write_text(f"import others_for_nets_of_mine\n{PARTS}")
    _, code = made("scale")
    del sys.modules["others_for_nets_of_mine"]
    assert code is not None and set(code.files) == FILES


def test_code_in_another_encoding_is_kept_in_utf_8(package: Path) -> None:
    file = package / "here/nets_of_mine/parts.py"
    file.write_bytes(f"#!python\n# -*- coding: latin-1 -*-\n{PARTS}\nWORD = 'caf\xe9'\n".encode("latin-1"))
    network, code = made("function")
    assert code is not None
    assert code.files["nets_of_mine/parts.py"].startswith("#!python\n# -*- coding: utf-8 -*-\n")
    save(network, package / "model.keras", code)
    with known(package):
        assert "WORD = 'café'" in (package / CODE / "nets_of_mine/parts.py").read_text(encoding="utf-8")


def test_code_says_what_is_to_be_installed_and_what_is_read(package: Path) -> None:
    file = package / "here/nets_of_mine/parts.py"
    file.write_text(f"import json\n\nimport yaml\n\n{PARTS}")
    _, code = made("scale")
    assert code is not None
    assert (code.modules, set(code.files), code.packages) == (["nets_of_mine.nets"], FILES, ["PyYAML"])
    assert json.loads(files_of(code)[MODULES])["packages"] == ["PyYAML"]
    assert code | Code(["more"], {"more.py": ""}, []) == Code(
        ["nets_of_mine.nets", "more"], {**code.files, "more.py": ""}, ["PyYAML"]
    )
