"""What a config itself describes, as a configuration of the space."""

from typing import Any

import pytest
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from convsweep.space.described import described
from tests.helpers.spaces import space

CONFIG = {
    "x": 1,
    "n": 3,
    "y": None,
    "must": "???",
    "layers": [32, 64],
    "optimizer": {"learning_rate": 0.001, "momentum": 0.9},
    "twice": "${x}",
    "broken": "${nowhere}",
    "hydra": {"runtime": {"choices": {"optimizer": "adam", "optimizer@second": "sgd"}}},
    "second": {"learning_rate": 0.1},
}


def compose(_: list[str]) -> DictConfig:
    return OmegaConf.create(CONFIG)


@pytest.mark.parametrize(
    ("overrides", "conditions", "expected"),
    [
        (["x=interval(0,2)", "n=range(1,9)"], {}, {"x": 1.0, "n": 3}),
        (["x=interval(2,3)", "n=range(1,9)"], {}, {"n": 3}),
        (["x=2,3", "n=4,5"], {}, {}),
        (["y=null,1", "must=null,1", "broken=null,1", "+new=null,1"], {}, {"y": None}),
        (["layers=[32,64],[8]", "twice=1,2"], {}, {"layers": [32, 64], "twice": 1}),
        (
            ["optimizer=adam,sgd", "optimizer.learning_rate=tag(log,interval(1e-4,1e-1))"],
            {},
            {"optimizer": "adam", "optimizer.learning_rate": 0.001},
        ),
        (["optimizer=sgd,lion", "optimizer.learning_rate=interval(0,1)", "x=1,2"], {}, {"x": 1}),
        (["optimizer@second=adam,sgd", "second.learning_rate=0.1,0.2"], {}, {"optimizer@second": "sgd",
                                                                             "second.learning_rate": 0.1}),
        (
            ["optimizer=adam,sgd", "optimizer.momentum=0.9,0.5", "x=1,2"],
            {"optimizer.momentum": "optimizer=sgd"},
            {"optimizer": "adam", "x": 1},
        ),
        (["optimizer=adam,sgd", "n=3,4"], {"n": "optimizer=adam"}, {"optimizer": "adam", "n": 3}),
    ],
)  # fmt: skip
def test_it_is_as_far_as_it_lies_in_the_space(
    overrides: list[str], conditions: dict[str, str], expected: dict[str, Any]
) -> None:
    found = described(space(*overrides, conditions=conditions), compose)
    assert found == expected
    assert [type(value) for value in found.values()] == [type(value) for value in expected.values()]


def test_a_config_that_needs_what_is_searched_describes_nothing() -> None:
    def fail(_: list[str]) -> DictConfig:
        raise HydraException("You must specify 'model', e.g, model=<OPTION>")

    assert described(space("model=a,b", conditions={}), fail) == {}
