"""How a mistake is told: which name was meant, and what there is."""

import pytest

from convsweep.config import ConvsweepConf
from convsweep.errors import listed, nearest, settable, unknown_keys

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
