"""How a mistake is told: which name was meant, and what there is."""

import shlex
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from convsweep.config import ConvsweepConf
from convsweep.errors import explain, listed, nearest, settable, unknown_keys

OPTIMIZERS = ["adadelta", "adagrad", "adam", "adamax", "adamw", "lion", "nadam", "rmsprop", "sgd"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("adma", "adam"), ("Adam", "adam"), ("sdg", "sgd"), ("adamx", "adamax"), ("adaw", "adamw"), ("nadma", "nadam"),
        ("rmspop", "rmsprop"), ("loin", "lion"), ("adagard", "adagrad"), ("x", None), ("momentum", None), ("", None),
    ],
)  # fmt: skip
def test_the_nearest_name_is_the_one_with_the_fewest_slips(typed: str, meant: str | None) -> None:
    assert nearest(typed, OPTIMIZERS) == meant
    assert listed(typed, OPTIMIZERS) == ", ".join(OPTIMIZERS) + (f"; did you mean {meant}?" if meant else "")


def test_keys_that_no_user_sets_are_not_listed() -> None:
    assert {"n_trials", "sampler"} <= set(settable(ConvsweepConf))
    assert not {"_target_", "_recursive_", "defaults"} & set(settable(ConvsweepConf))


def test_an_unknown_key_is_named_with_those_that_there_are() -> None:
    (problem,) = unknown_keys("training", ["epochs", "_target_", "epoch"], ["epochs", "threads"])
    assert problem == "`training.epoch` does not exist; training has epochs, threads; did you mean epochs?"


def test_one_more_argument_of_a_call_is_added_with_a_plus() -> None:
    config = OmegaConf.create({"dataset": {"load": {"_target_": "my_data.load", "n": 3}}})
    OmegaConf.set_struct(config, True)
    with pytest.raises(OmegaConfBaseException) as caught:
        OmegaConf.update(config, "dataset.load.size", 8)
    said = "`dataset.load.size` does not exist; dataset.load has n; for one more argument, type +dataset.load.size="
    assert explain(caught.value) == said


class Colour(Enum):
    RED = 1
    BLUE = 2


@dataclass
class Inner:
    rate: float = 0.5
    fast: bool = False


@dataclass
class Typed:
    seed: int = 7
    most: int | None = None
    name: str = "plain"
    colour: Colour = Colour.RED
    modules: list[str] = field(default_factory=list)
    inner: Inner = field(default_factory=Inner)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("seed", "abc", "`seed` must be a whole number, got abc; type e.g. seed=7"),
        ("seed", 1.5, "`seed` must be a whole number, got 1.5; type e.g. seed=7"),
        ("seed", None, "`seed` must be a whole number, got null; type e.g. seed=7"),
        ("seed", "a\nb", "`seed` must be a whole number, got a\\nb; type e.g. seed=7"),
        ("most", "all", "`most` must be a whole number, or null, got all; type e.g. most=1"),
        ("name", [1, 2], "`name` must be a text, got [1, 2]; type e.g. name=plain"),
        ("inner.rate", "high", "`inner.rate` must be a number, got high; type e.g. inner.rate=0.5"),
        ("inner.fast", "maybe", "`inner.fast` must be true or false, got maybe; type e.g. inner.fast=false"),
        ("colour", "GREEN", "`colour` must be one of RED, BLUE, got GREEN; type e.g. colour=RED"),
        ("modules", "numpy", "`modules` must be a list, got numpy; type e.g. 'modules=[a, b]'"),
    ],
)
def test_a_value_of_another_type_is_told_with_what_is_expected(key: str, value: Any, said: str) -> None:
    with pytest.raises(OmegaConfBaseException) as caught:
        OmegaConf.update(OmegaConf.structured(Typed), key, value)
    assert explain(caught.value) == said


@pytest.mark.parametrize("path", ["/home/jürgen/fotos", "/data/a=b", "/data/[1]", "~/photos", "/data/it's"])
def test_a_path_that_hydra_cannot_read_is_answered_with_how_to_type_it(path: str) -> None:
    parser = OverridesParser.create()
    with pytest.raises(OverrideParseException) as caught:
        parser.parse_overrides([f"dataset.path={path}"])
    (typed,) = shlex.split(explain(caught.value).rpartition("; type ")[2])
    assert parser.parse_override(typed).value() == path


def test_a_list_that_hydra_cannot_read_is_no_path() -> None:
    with pytest.raises(OverrideParseException) as caught:
        OverridesParser.create().parse_overrides(["x=[1,2"])
    assert explain(caught.value).endswith("; type e.g. key=value, or 'key=[a, b]'")
