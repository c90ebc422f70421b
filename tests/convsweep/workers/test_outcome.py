"""What a task function may return."""

from typing import Any

import pytest

from convsweep.workers.outcome import values_of

NAMES = ["loss", "size"]


def test_a_mapping_has_its_values_by_name() -> None:
    assert values_of({"size": 2, "loss": 0.5, "epochs": 3}, 2, NAMES) == ([0.5, 2.0], None)
    assert values_of({"loss": 0.5}, 1, ["loss"]) == ([0.5], None)


@pytest.mark.parametrize(
    ("returned", "names", "words"),
    [
        ({"loss": 1.0, "sise": 2.0}, NAMES, "got no size; there are loss, sise; did you mean sise?"),
        ({}, NAMES, "got no loss, no size; there are none"),
        ({"loss": 1.0, "size": 2.0}, [], "type hydra.sweeper.metric_names=[loss,size]"),
        ({"a": 1.0}, [], "got null and a mapping of a"),
        ({"loss": "much", "size": 2.0}, NAMES, "must return a number"),
    ],
)
def test_a_mapping_that_lacks_a_name_is_told(returned: Any, names: list[str], words: str) -> None:
    values, problem = values_of(returned, 2, names)
    assert not values
    assert words in (problem or "")


def test_a_value_of_a_mapping_may_diverge() -> None:
    _, problem = values_of({"loss": float("nan"), "size": 2.0}, 2, NAMES)
    assert problem == "the task function returned [nan, 2.0]: the trial diverged"
