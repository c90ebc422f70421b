"""What a budget of epochs keeps for the training of its answer."""

import pytest

from convsweep.replay.simulation import simulate
from tests.commands.test_simulate import sweeper
from tests.helpers.recorded import ASHA, curves


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_answers_training_is_within_the_budget(n_jobs: int) -> None:
    found = curves()
    for budget in range(30, 200, 17):
        asked = sweeper(budget=f"{budget}steps", scheduler=ASHA, n_jobs=n_jobs)
        replay = simulate(found, asked, seed=0, recorded=True)
        assert replay.steps <= budget, "nothing was started that the answer's training had no room beside"
        assert replay.complete >= 1
