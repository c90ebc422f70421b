"""What a budget of epochs keeps for the training of its answer."""

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from convsweep.policy.asha import RUNG, VALUES, Asha
from convsweep.policy.policy import Policy
from convsweep.policy.work import WORKER
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


def test_with_several_objectives_the_steps_are_spent_on_whom_they_were_kept_for() -> None:
    """The one that came furthest is not on the front, whose only trial needs more steps than there are."""
    study = optuna.create_study(directions=["maximize", "minimize"])
    for step, values in ((24, [0.7, 9.0]), (12, [0.8, 5.0])):
        rungs = [rung for rung in (3, 6, 12, 24) if rung <= step]
        attrs = {f"{VALUES}{rung}": values for rung in rungs}
        attrs |= {RUNG: ["paused", len(rungs) - 1], WORKER: ["host", 1, 0.0]}
        steps = dict.fromkeys(range(1, step + 1), values[0])
        study.add_trial(create_trial(state=TrialState.WAITING, intermediate_values=steps, system_attrs=attrs))
    asha = Asha(3, 2, 27)
    leader = asha.leader(study)
    assert leader is not None and leader.number == 0 and [trial.number for trial in asha.best(study)] == [1]
    first = [next(Policy(2, asha, steps=steps, max_resource=27).candidates(study)) for steps in (39, 38, 60)]
    numbers = [trial and trial.number for trial in first]
    assert numbers == [0, 0, 1], "also where they are too few, for there is to be an answer; or enough for the front"
