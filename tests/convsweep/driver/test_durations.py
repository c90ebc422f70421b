"""The keys of `hydra.sweeper` that are times."""

from typing import Any

import pytest
from omegaconf import OmegaConf

from convsweep.config import ConvsweepConf
from convsweep.driver.durations import TIMES, read_durations


@pytest.mark.parametrize(
    ("given", "seconds"),
    [(90, 90), (0.01, 0.01), ("90", 90), ("0.01s", 0.01), ("90s", 90), ("10min", 600), ("1h30min", 5400), ("1h", 3600)],
)
@pytest.mark.parametrize("key", TIMES)
def test_a_time_is_seconds_or_has_units(key: str, given: Any, seconds: float) -> None:
    sweeper = OmegaConf.structured(ConvsweepConf(**{key: given}))
    assert read_durations(sweeper) == []
    assert sweeper[key] == seconds
    assert read_durations(sweeper) == [], "they may be read twice"


@pytest.mark.parametrize("given", ["soon", "40trials", "3epochs", 0, -1, "0s", "inf", "nan", True, "1h3", [1]])
def test_what_is_no_time_is_refused(given: Any) -> None:
    (problem,) = read_durations(OmegaConf.structured(ConvsweepConf(trial_timeout=given)))
    assert problem.startswith("`hydra.sweeper.trial_timeout` must be a number of seconds above 0, or a time such as")
    assert problem.endswith(f", or null, got {given}; type e.g. hydra.sweeper.trial_timeout=10min")


def test_null_and_nought_where_they_mean_something() -> None:
    assert read_durations(OmegaConf.structured(ConvsweepConf(timeout=None, storage_patience=0))) == []
    problems = read_durations(OmegaConf.structured(ConvsweepConf(heartbeat=None, storage_patience=None)))
    assert ["got null" in problem for problem in problems] == [True, True]
