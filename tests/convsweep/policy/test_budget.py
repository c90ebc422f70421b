"""Budgets in words."""

import pytest

from convsweep.policy.budget import Budget, parse


@pytest.mark.parametrize(
    ("given", "budget"),
    [
        (40, Budget(trials=40)),
        ("40 trials", Budget(trials=40)),
        ("300epochs", Budget(steps=300)),
        ("1 step", Budget(steps=1)),
        ("90s", Budget(seconds=90)),
        ("1h30min", Budget(seconds=5400)),
        ("1.5 h", Budget(seconds=5400)),
        ("0", Budget()),
        ("0h", Budget()),
        ("soon", Budget()),
        (None, Budget()),
    ],
)
def test_budgets_are_counted_in_trials_epochs_or_time(given: object, budget: Budget) -> None:
    assert parse(given) == budget
