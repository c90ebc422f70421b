"""What a study is, and what it is compared with when it is taken up."""

from dataclasses import dataclass, field
from typing import Any

import optuna
import pytest
from omegaconf import OmegaConf

from convsweep.errors import UserError
from convsweep.space.space import Space
from convsweep.study.identity import (
    IDENTITY,
    change,
    enqueued,
    fixed_settings,
    open_study,
    schema_defaults,
    searched_settings,
)
from convsweep.study.queue import fill
from tests.helpers.spaces import space


@dataclass
class Part:
    old: int = 1
    new: str = "plain"
    required: int = 7


@dataclass
class App:
    part: Part = field(default_factory=Part)
    anything: Any = 3


def test_defaults_are_those_of_the_dataclass() -> None:
    config = OmegaConf.structured(App)
    config.part.old = 2
    assert schema_defaults(config, ["part.old", "part.new", "anything"]) == {"part.new", "anything"}
    untyped = OmegaConf.create({"part": {"new": "plain"}})
    assert schema_defaults(untyped, ["part.new"]) == set()


@pytest.mark.parametrize(
    ("settings", "changes"),
    [
        ({"part.old": 1, "part.new": "plain"}, []),
        ({"part.old": 1, "part.new": "other"}, ['part.new: it has none, now asked for "other"']),
        ({"part.old": 2, "part.new": "plain"}, ["part.old: it has 1, now asked for 2"]),
    ],
)
def test_a_study_from_before_a_key_is_the_same_study(settings: dict[str, Any], changes: list[str]) -> None:
    storage = optuna.storages.InMemoryStorage()
    study, _ = open_study(storage, "s", ["minimize"], Space(), {"part.old": 1}, 0)
    assert study.user_attrs[IDENTITY]["settings"] == {"part.old": 1}
    defaults = {"part.new"} if settings["part.new"] == "plain" else set()
    assert open_study(storage, "s", ["minimize"], Space(), settings, 0, defaults | {"part.old"})[1] == changes


def test_a_change_teaches_a_study_no_key_that_it_was_begun_without() -> None:
    storage, begun = optuna.storages.InMemoryStorage(), {"part.old": 1, "part.typed": 1}
    study, _ = open_study(storage, "s", ["minimize"], Space(), begun, 0)
    now = {"part.old": 2, "part.typed": 1, "part.new": "plain", "part.other": 3}
    change(study, ["minimize"], Space(), now, {"part.new", "part.typed"})
    assert study.user_attrs[IDENTITY]["settings"] == {"part.old": 2, "part.typed": 1, "part.other": 3}


def test_a_study_keeps_which_keys_a_searched_group_had_on_its_first_day() -> None:
    config = OmegaConf.structured(App)
    found = space("part=a,b", conditions={})
    inside = searched_settings(config, found)
    assert inside == ["part.old", "part.new", "part.required"]
    assert fixed_settings(config, found) == {"anything": 3}
    storage = optuna.storages.InMemoryStorage()
    study, _ = open_study(storage, "s", ["minimize"], found, {"anything": 3}, 0, inside=inside[:1])
    assert open_study(storage, "s", ["minimize"], found, {"anything": 3}, 0, inside=inside)[1] == []
    assert study.user_attrs[IDENTITY]["inside"] == ["part.old"]
    change(study, ["minimize"], found, {"anything": 4}, {"part.new"}, inside)
    assert study.user_attrs[IDENTITY]["inside"] == ["part.old", "part.required"]


def test_what_is_enqueued_is_known_by_having_no_mark_but_in_a_study_of_before() -> None:
    found, storage = space("x=1,2", conditions={}), optuna.storages.InMemoryStorage()
    study, _ = open_study(storage, "s", ["minimize"], found, {}, 0)
    fill(study, found, 2)
    study.enqueue_trial({"x": 1})
    assert [trial.number for trial in enqueued(study)] == [2]
    with pytest.raises(UserError, match=r"trial 2, which was enqueued with \{x:1\}: it lies outside of the space"):
        change(study, ["minimize"], space("x=2", "y=1,2", conditions={}), {})
    study.set_user_attr(IDENTITY, {"space": found.describe(), "direction": ["minimize"], "settings": {}})
    assert enqueued(study) == []
    change(study, ["minimize"], space("x=2,3", conditions={}), {})
    assert not any(trial.system_attrs["fixed_params"].get("x") == 1 for trial in study.trials)
    assert "inside" not in study.user_attrs[IDENTITY]
