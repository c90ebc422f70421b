"""How far earlier studies are like this one, and what a sampler sees of them."""

from collections.abc import Sequence

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from convsweep.policy.asha import VALUES, Asha
from convsweep.sampling.instantiate import make_sampler
from convsweep.sampling.likeness import likeness, scaled, weighed
from convsweep.sampling.sampler_view import SamplerView
from convsweep.study.warm_start import STUDY, remember
from tests.helpers.spaces import SWEEPER, finish, space, study_of

X = {"x": FloatDistribution(0, 1)}


def trials(*values: float | None, study: int = 0, places: Sequence[int] = range(10)) -> list[FrozenTrial]:
    """Return trials at x = 0, 0.1, 0.2 ..., or at other tenths; pruned ones for no value."""
    found = []
    for i, value in enumerate(values):
        state = TrialState.PRUNED if value is None else TrialState.COMPLETE
        trial = create_trial(
            state=state, value=value, params={"x": places[i] / 10}, distributions=dict(X), system_attrs={STUDY: study}
        )
        trial.number = i
        found.append(trial)
    return found


def test_likeness_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    rising, falling = trials(*range(10)), trials(*range(10, 0, -1))
    assert likeness(rising, []) == 1, "nothing speaks against it"
    assert likeness(rising, rising) == 1
    assert likeness(rising, falling) == 0, "five results that agree, and ten that do not"
    assert likeness(rising, trials(1, 1, 1)) == pytest.approx(5 / 8), "no order agrees with none"
    assert likeness(trials(None, None), rising) == 1, "pruned ones say nothing"
    monkeypatch.setattr("convsweep.sampling.likeness.NEIGHBOURS", 1)
    places = (0, 1, 3, 6)
    earlier = trials(1, 2, 3, 4, places=places)
    # The nearest other one foretells 2, 1, 2, 3 of 1, 2, 3, 4: ranks 2.5, 1, 2.5, 4, a correlation of 3 / 22.5 ** 0.5.
    # For the new ones it is 1, 2, 3, 4 beside 2, 1, 4, 3, a correlation of 0.6.
    agreement = 0.6 / (3 / 22.5**0.5)
    assert likeness(earlier, trials(2, 1, 4, 3, places=places)) == pytest.approx((5 + 4 * agreement) / 9)


def test_studies_are_compared_at_the_same_step() -> None:
    own = trials(*range(10))
    late = trials(*range(10, 0, -1))
    for trial, value in zip(late, range(10), strict=True):
        trial.intermediate_values = {1: float(value), 3: 10.0 - value}
    assert len(weighed(late, own, step=1)) == 10, "what they were after a step is in the order of this study's"
    assert weighed(late, own, step=3) == weighed(late, own) == []
    assert [t.value for t in weighed(late, own, step=1)] == pytest.approx([9 * (9.5 - i) / 10 for i in range(10)]), (
        "but what a sampler learns is how they ended"
    )


def test_of_each_study_as_much_is_seen_as_it_is_like_this_one() -> None:
    like, unlike = trials(*range(10), study=0), trials(*range(10, 0, -1), study=1)
    own = trials(*(0.5 + i / 100 for i in range(10)))
    seen = weighed([*like, *unlike], own)
    assert [t.params["x"] for t in seen] == [i / 10 for i in range(10)]
    assert [t.value for t in seen] == pytest.approx([0.5 + i * 0.009 + 0.0045 for i in range(10)], abs=0.005), (
        "on the scale of this study's values"
    )
    assert [t.value for t in like] == list(range(10)), "the others are as they were"
    three = weighed([*like, *unlike], own[:3])
    assert 1 <= sum(t.system_attrs[STUDY] == 1 for t in three) <= 4, "a part of ten, by three results"


@pytest.mark.parametrize("direction", [StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE])
def test_what_was_pruned_is_behind_all_that_ended(direction: StudyDirection) -> None:
    sign = 1 if direction == StudyDirection.MINIMIZE else -1
    # The pruned ones' values are of another step: after one they are better than the complete one at its end.
    earlier = trials(sign * 0.5, None, None, None)
    for trial, reported in zip(earlier[1:], ({1: 0.2}, {1: 0.9, 3: 0.4}, {1: 0.1}), strict=True):
        trial.intermediate_values = {step: sign * value for step, value in reported.items()}
    seen = scaled(earlier, trials(*(sign * (10.0 + i) for i in range(9))), direction)
    learned = [seen[0].value, *(next(iter(trial.intermediate_values.values())) for trial in seen[1:])]
    # Best first: what ended, what got to step 3, then by value; the middles of four parts of 10 to 18.
    assert learned == pytest.approx([sign * value for value in (11, 17, 13, 15)])
    assert [set(trial.intermediate_values) for trial in seen[1:]] == [{1}, {3}, {1}]
    assert earlier[1].intermediate_values == {1: sign * 0.2}, "the others are as they were"


def test_two_objectives_and_a_single_earlier_trial() -> None:
    found = space("x=interval(0,1)", conditions={})
    earlier, study = (study_of(found, directions=["minimize", "maximize"]) for _ in range(2))
    for which, count in ((earlier, 1), (study, 12)):
        for j in range(count):
            which.add_trial(
                create_trial(
                    values=[float(j), 1.0], params={"x": j / 12}, distributions=dict(X),
                    intermediate_values={1: 0.5}, system_attrs={f"{VALUES}1": [float(j), 2.0]},
                )
            )  # fmt: skip
    remember(study, [earlier], found)
    view = SamplerView(study, make_sampler(SWEEPER.sampler, 0, 0), Asha(1, 3))
    assert len(view.trials) in (12, 13)


def test_a_study_that_is_the_other_way_round_is_forgotten() -> None:
    found = space("x=interval(0,1)", conditions={})
    earlier, study = study_of(found), study_of(found)
    for i in range(20):
        finish(earlier, found, x=i / 20, value=i / 20)
    remember(study, [earlier], found)

    def drawn(count: int) -> float:
        """Return where the sampler is, after so many results, in the mean of some draws."""
        for i in range(count):
            finish(study, found, x=(i + 0.5) / count, value=100 - i)
        places = []
        for seed in range(20):
            sampler = make_sampler(SWEEPER.sampler, seed, 0)
            trial = optuna.Trial(SamplerView(study, sampler), study.ask()._trial_id)
            places.append(trial.suggest_float("x", 0, 1))
            study.tell(trial.number, state=TrialState.FAIL)
        return sum(places) / len(places)

    assert drawn(0) < 0.3, "as the earlier study says"
    assert drawn(12) > 0.5, "as its own results say"
