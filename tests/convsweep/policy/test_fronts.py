"""Non-domination and crowding, by hand, and the rungs of a study with two objectives."""

import math

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState, create_trial

from convsweep.policy.asha import RUNG, VALUES, Asha
from convsweep.policy.fronts import by_fronts, front, fronts
from convsweep.policy.policy import Policy
from convsweep.policy.work import WORKER
from convsweep.study.trial_states import take

# Errors and sizes. 3 is worse than 1 in both, 5 than 2; the rest are the first front.
KNOWN = {0: (10, 100), 1: (20, 50), 2: (15, 80), 3: (30, 60), 4: (40, 10), 5: (15, 90)}


def test_front_after_front_and_in_each_the_loneliest_first() -> None:
    assert front(KNOWN) == [0, 1, 2, 4]
    # 0 and 4 are the ends. 1: (40 - 15) / 30 + (80 - 10) / 90 = 1.6; 2: (20 - 10) / 30 + (100 - 50) / 90 = 0.9.
    assert by_fronts(KNOWN) == [0, 4, 1, 2, 3, 5]


def test_equal_ones_share_a_front_and_what_is_no_number_is_left_out() -> None:
    assert front({0: (1, 1), 1: (1, 1), 2: (1, 2)}) == [0, 1]
    assert by_fronts({0: (1, 1), 1: (1, math.nan), 2: (1, 1), 3: (math.inf, 0)}) == [0, 2]
    assert by_fronts({}) == []


@pytest.mark.parametrize("count", [2, 3])
def test_the_fronts_are_those_of_comparing_all_with_all(count: int) -> None:
    rng = np.random.default_rng(count)
    for _ in range(50):
        left = {n: tuple(map(int, values)) for n, values in enumerate(rng.integers(0, 6, (30, count)))}
        for best in fronts(left):
            pairs = {(n, other) for n, own in left.items() for other in left.values() if other != own}
            worse = {n for n, other in pairs if all(a <= b for a, b in zip(other, left[n], strict=True))}
            assert best == [n for n in left if n not in worse]
            left = {n: values for n, values in left.items() if n not in best}
        assert not left


@pytest.fixture
def study() -> optuna.Study:
    """Return a study, of accuracies (more) and sizes (less), with the six at step 1, all paused there."""
    study = optuna.create_study(directions=["maximize", "minimize"])
    for error, size in KNOWN.values():
        add(study, {1: [-float(error), float(size)]})
    return study


def add(study: optuna.Study, reported: dict[int, list[float]], paused: bool = True) -> None:
    attrs = {f"{VALUES}{step}": values for step, values in reported.items()}
    attrs |= {RUNG: ["paused", len(reported) - 1], WORKER: ["host", 1, 0.0]} if paused else {}
    state = TrialState.WAITING if paused else TrialState.RUNNING
    values = {step: reported[step][0] for step in reported}
    study.add_trial(create_trial(state=state, intermediate_values=values, system_attrs=attrs))


def test_the_best_third_by_fronts_goes_on(study: optuna.Study) -> None:
    asha = Asha(1, 3, 9)
    assert [trial.number for trial in asha.promotable(study)] == [0, 4]
    # The smallest of all joins the front, and is an end of it in place of 4.
    add(study, {1: [-50.0, 5.0]}, paused=False)
    assert [trial.number for trial in asha.promotable(study)] == [0]
    assert Policy(9, asha).goes_on(study, study.trials[6], 0, finishing=False)


def test_the_whole_front_is_trained_to_the_end_when_nothing_new_starts(study: optuna.Study) -> None:
    policy = Policy(6, Asha(1, 9, 9))  # nobody is promoted: there are fewer than nine
    taken = [take(study, policy) for _ in range(5)]
    assert [trial and trial.number for trial in taken] == [0, 1, 2, 4, None]
