"""Defaults that have changed, and studies that were begun before."""

from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from src.config import as_begun, as_yaml, new_defaults, read_config, register, settings
from tests.helpers.command import ROOT

KEY = "training.norm_statistics"


def composed(*overrides: str) -> Any:
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("config", list(overrides))


@pytest.mark.parametrize(
    ("study", "expected"),
    [
        ({"convsweep": {"settings": {"training.epochs": 3}, "space": {"model.filters": "8,16"}}}, "running"),
        ({"convsweep": {"settings": {"training.epochs": 3, KEY: "epoch"}, "space": {}}}, "epoch"),
        ({"convsweep": {"settings": {}, "space": {KEY: "epoch,running"}}}, "epoch"),
        ({"convsweep": {"settings": {}, "space": {"training": "default,mine"}}}, "running"),
        ({"convsweep": {"settings": {}, "space": {"training": "default,mine"}, "inside": [KEY]}}, "epoch"),
        ({}, "epoch"),
    ],
)
def test_a_study_of_before_a_key_is_searched_as_it_was_before(study: dict[str, Any], expected: str) -> None:
    config = settings(composed())
    assert config.training.norm_statistics == "epoch"
    begun = as_begun(config, study)
    assert begun.training.norm_statistics == expected
    assert config.training.norm_statistics == "epoch", "of the next trial's study nothing is known"


def test_a_record_of_before_a_key_is_read_as_it_was_then() -> None:
    text = as_yaml(settings(composed()))
    older = "\n".join(line for line in text.splitlines() if "norm_statistics" not in line)
    assert read_config(text).training.norm_statistics == "epoch"
    assert read_config(older).training.norm_statistics == "running"


def test_a_study_of_before_a_key_is_no_other_one_for_its_default() -> None:
    assert new_defaults(composed()) == [KEY]
    assert new_defaults(composed(f"{KEY}=running")) == [], "which the schema has"
