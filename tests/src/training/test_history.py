"""The best epoch: by the objective, of a tie by the validation loss, and how long ago it was."""

import math

import pytest

from src.training import History

NAN = math.nan


@pytest.mark.parametrize(
    ("values", "losses", "sign", "best", "stale"),
    [
        ([0.9, 0.95, 0.95, 0.94], [0.5, 0.273, 0.051, 0.04], 1, 3, 2),  # of the tie the lower loss
        ([0.95, 0.95], [0.1, 0.2], 1, 1, 1),
        ([0.95, 0.95], [0.1, 0.1], 1, 1, 1),  # a tie in both: the first
        ([0.3, 0.2, 0.2], [0.3, 0.2, 0.2], -1, 2, 1),
        ([0.5, 0.5], [NAN, 0.7], 1, 2, 1),
        ([NAN, 0.1], [0.2, 0.9], 1, 2, 0),
        ([NAN, NAN], [0.2, 0.1], 1, 2, 1),
    ],
)
def test_of_epochs_that_tie_the_one_with_the_lowest_validation_loss_is_best(
    values: list[float], losses: list[float], sign: float, best: int, stale: int
) -> None:
    history = History()
    for value, loss in zip(values, losses, strict=True):
        history.add({"metric": value, "val_loss": loss}, "metric", sign)
    assert history.best_epoch == best
    assert history.stale("metric", sign) == stale
