"""Configs for the official Optuna sweeper that are refused, with what to write instead."""

from typing import Any

import pytest
import yaml

from convsweep.space.grammar import parse
from convsweep.space.official import refuse_search_space, refuse_storage


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"type": "float", "low": 0, "high": 1}, "interval(0, 1)"),
        ({"type": "float", "low": 1e-4, "high": 1.0, "log": True}, "tag(log, interval(0.0001, 1.0))"),
        ({"type": "float", "low": 0, "high": 1, "step": 0.25}, "range(0, 1.25, 0.25)"),
        ({"type": "int", "low": 1, "high": 9}, "range(1, 10)"),
        ({"type": "int", "low": 1, "high": 9, "step": 2}, "range(1, 10, 2)"),
        ({"type": "int", "low": 1, "high": 64, "log": True}, "tag(log, int(interval(1, 64)))"),
        ({"type": "categorical", "choices": ["a", "b c", None, "true", 2]}, "a,b\\ c,null,'true',2"),
    ],
)
def test_search_space_is_told_in_the_grammar_of_params(entry: dict[str, Any], text: str) -> None:
    message = refuse_search_space({"net": {"x": entry}})
    written = yaml.safe_load(message.partition("write under params: ")[2])
    assert written == {"net.x": text}
    assert parse([], written).parameters["net.x"]


@pytest.mark.parametrize("given", ["x", {}, {"x": {"type": "float"}}, {"x": {"type": "int", "low": "a", "high": 2}}])
def test_search_space_that_is_none_gets_an_example(given: Any) -> None:
    assert refuse_search_space(given).endswith("write under params: x: 'interval(0.0, 1.0)'")


JOURNAL = {"_target_": "optuna.storages.JournalStorage", "log_storage": {"file_path": "a.log"}}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"_target_": "optuna.storages.RDBStorage", "url": "sqlite:///a.db"},
            "RDBStorage; type hydra.sweeper.storage=sqlite:///a.db",
        ),
        ({"url": "postgresql://me:secret@host/db"}, "type hydra.sweeper.storage=postgresql://me@host/db"),
        (JOURNAL, "got optuna.storages.JournalStorage; type hydra.sweeper.storage=a.log"),
        ({"_target_": "optuna.storages.InMemoryStorage"}, "type hydra.sweeper.storage=null, which is a"),
        (3, "got 3; type hydra.sweeper.storage=null"),
    ],
)
def test_storage_object_is_told_as_an_address(given: Any, told: str) -> None:
    assert told in refuse_storage(given)
    assert "secret" not in refuse_storage(given)
