"""A network of one's own in the config: open keys, and what is known of its function without running its module."""

import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from src.config import ConfigError, as_yaml, register, settings
from src.config.own_model import Custom, check
from src.config.source import NotThere, Signature, signature
from tests.helpers.command import ROOT

NETS = """
import heavy_and_absent

if True:
    def plain(input_shape, classes, units=8, *, dropout):
        return heavy_and_absent.Model()

def others(input_shape, classes, **more):
    return heavy_and_absent.Model()

class Empty:
    def build(self, hp):
        return None


class Net(heavy_and_absent.Model):
    def __init__(self, input_shape, classes, units=8):
        pass

def shapeless(units):
    raise NotImplementedError

alias = plain
"""


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nets_of_mine.py").write_text(NETS)
    (tmp_path / "broken_of_mine.py").write_text("def f(:\n")
    (tmp_path / "package_of_mine").mkdir()
    (tmp_path / "package_of_mine/__init__.py").write_text("raise SystemExit('imported')\n")
    (tmp_path / "package_of_mine/nets.py").write_text(NETS)
    (tmp_path / "package_of_mine/starred.py").write_text("from .nets import *\n")
    monkeypatch.chdir(tmp_path)


def of(path: str | None, **arguments: object) -> list[str]:
    return check(Custom(build=path, arguments=arguments))


def test_a_good_one_is_taken_and_nothing_is_imported() -> None:
    assert of("nets_of_mine.plain", dropout=0.5) == []
    assert of("nets_of_mine.others", anything=1) == []
    assert of("nets_of_mine.Net", units=3) == []
    assert of("nets_of_mine.alias") == []
    assert of("package_of_mine.nets.plain", dropout=0.5) == []
    assert of("package_of_mine.starred.whatever") == []
    assert of("keras.applications.MobileNetV2", weights=None) == []
    assert not {"nets_of_mine", "package_of_mine", "heavy_and_absent"} & set(sys.modules)


@pytest.mark.parametrize(
    ("path", "words", "instead"),
    [
        (None, "got null", "my_package.my_module.my_function"),
        ("plain", "got plain", "my_package.my_module.my_function"),
        ("nets of.mine", "got nets of.mine", "my_package.my_module.my_function"),
        ("nets_of_mime.plain", "there is no module nets_of_mime in ", "nets_of_mine.plain"),
        ("nets_of_mine.plane", "nets_of_mine.py has no plane, it has plain, others, Empty, Net", "nets_of_mine.plain"),
        ("nets_of_mine.Empty.build", "build is a method, of an object of Empty: name a fun", "my_package.my_module"),
        ("broken_of_mine.f", "broken_of_mine.py is no Python, line 1: invalid syntax", "my_package.my_module"),
        ("package_of_mine.net.plain", "has no net, it has nets, starred", "package_of_mine.nets.plain"),
        ("package_of_mine.nets", "package_of_mine.nets is a module: name a function in it", "my_package.my_module"),
        ("package_of_mine.nets.plan", "nets.py has no plan, it has plain", "package_of_mine.nets.plain"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_told_with_what_is(path: str | None, words: str, instead: str) -> None:
    (problem,) = of(path)
    assert problem.startswith("`model.build` must be a function that returns a Keras model, got ")
    assert words in problem
    assert f"; type e.g. model.build={instead}" in problem


def test_arguments_are_compared_with_those_of_the_function() -> None:
    assert of("nets_of_mine.plain", unit=3) == [
        "`model.unit` must be an argument of nets_of_mine.plain, which has units, dropout; did you mean model.units?",
        "`model.dropout` must be given: nets_of_mine.plain has no default for it; type e.g. model.dropout=1",
    ]
    assert of("nets_of_mine.shapeless", units=3) == [
        "`model.build` must be a function of input_shape and classes, got nets_of_mine.shapeless(units); "
        "type e.g. def shapeless(input_shape, classes, units): in its file"
    ]


def test_a_signature_is_read_where_it_can_be() -> None:
    known = signature("nets_of_mine.Net", Path.cwd())
    assert known is not None
    assert known.names == ("input_shape", "classes", "units")
    assert signature("nets_of_mine.Empty", Path.cwd()) == Signature((), (), any_other=False, is_class=True)
    with pytest.raises(NotThere, match="is a part of Python"):
        signature("sys.exit", Path.cwd())


def test_keys_of_ones_own_keep_their_types_and_stay_out_of_the_other_models() -> None:
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        typed = ["model.units=64", "+model.rate=0.5", "model.act=relu", "model.deep={sizes:[1,2]}"]
        config = settings(compose("config", ["model=custom", "model.build=nets_of_mine.others", *typed]))
        assert config.model.arguments == {"units": 64, "rate": 0.5, "act": "relu", "deep": {"sizes": [1, 2]}}
        assert OmegaConf.create(as_yaml(config)).model == {
            "name": "custom", "build": "nets_of_mine.others", **config.model.arguments
        }  # fmt: skip
        with pytest.raises(ConfigError, match=r"`model\.build` must be a function .* got null"):
            settings(compose("config", ["model=custom"]))


def test_an_option_file_with_a_target_is_a_model_too() -> None:
    found = Custom.of({"_target_": "nets_of_mine.others", "name": "deep", "units": 3})
    assert (found.build, found.arguments, found.name) == ("nets_of_mine.others", {"name": "deep", "units": 3}, "others")
    assert found.group == {"_target_": "nets_of_mine.others", "name": "deep", "units": 3}
    (problem,) = check(Custom.of({"_target_": "nets_of_mine.plane"}))
    assert problem.startswith("`model._target_` must be")


RETURNED = [
    ("    model = Sequential()\n    model.compile()", "nothing"),
    ("    def inner():\n        return Model()\n    inner()", "nothing"),
    ("    if classes > 2:\n        return\n    return None", "nothing"),
    ("    return Model(), classes", "a tuple"),
    ("    return [Dense(classes)]", "a list"),
    ("    yield Model()", "a generator"),
    ("    return 'resnet'", "a constant"),
    ("    return Model()", None),
    ("    if classes > 2:\n        return None\n    return Model()", None),
    ("    raise Infeasible('none is small enough')", None),
    ("    model = Model()\n    return model", None),
]


@pytest.mark.parametrize(("body", "returned"), RETURNED)
def test_a_builder_that_returns_no_model_is_told_before_anything_starts(body: str, returned: str | None) -> None:
    Path("returning.py").write_text(f"def build(input_shape, classes):\n{body}\n")
    words = f"got returning.build, which returns {returned}; end build with e.g. return model"
    problem = f"`model.build` must be a function that returns a Keras model, {words}"
    assert of("returning.build") == ([] if returned is None else [problem])


def test_what_a_decorator_or_a_class_makes_of_a_builder_is_not_guessed() -> None:
    lines = ["@register", "def built(input_shape, classes):", "    x = 1", "class Net(Model):"]
    lines += ["    def __init__(self, input_shape, classes):", "        self.units = 3", ""]
    Path("decorated.py").write_text("\n".join(lines))
    assert of("decorated.built") == of("decorated.Net") == []
