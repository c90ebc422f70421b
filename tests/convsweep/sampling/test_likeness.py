"""How far earlier studies are like this one, and what a sampler sees of them."""

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from convsweep.sampling.instantiate import make_sampler
from convsweep.sampling.likeness import likeness, weighed
from convsweep.sampling.sampler_view import SamplerView
from convsweep.study.warm_start import STUDY, remember
from tests.helpers.spaces import SWEEPER, finish, space, study_of

X = {"x": FloatDistribution(0, 1)}


def trials(*values: float | None, study: int = 0) -> list[FrozenTrial]:
    """Return trials at x = 0, 0.1, 0.2 ...; pruned ones for no value."""
    found = []
    for i, value in enumerate(values):
        state = TrialState.PRUNED if value is None else TrialState.COMPLETE
        trial = create_trial(
            state=state, value=value, params={"x": i / 10}, distributions=dict(X), system_attrs={STUDY: study}
        )
        trial.number = i
        found.append(trial)
    return found


def test_likeness_by_hand() -> None:
    rising, falling = trials(*range(10)), trials(*range(10, 0, -1))
    assert likeness(rising, []) == 1, "nothing speaks against it"
    assert likeness(rising, rising) == pytest.approx(1, abs=0.01), "but at the ends, where neighbours are the same"
    assert likeness(rising, falling) == 0, "five results that agree, and ten that do not"
    # What three neighbours foretell at 0, 0.1, 0.2 and 0.3: 1, 1, 2, 3. Ranks 1.5, 1.5, 3, 4 beside 1, 3, 2, 4.
    assert likeness(rising, trials(0, 2, 1, 3)) == pytest.approx((5 + 4 * 3 / 22.5**0.5) / 9)
    assert likeness(rising, falling[:3]) == pytest.approx((5 - 3 * 1.5 / 3**0.5) / 8)
    assert likeness(rising, trials(1, 1, 1)) == pytest.approx(5 / 8), "no order agrees with none"
    assert likeness(trials(None, None), rising) == 1, "pruned ones say nothing"


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
    assert sum(t.system_attrs[STUDY] == 1 for t in three) == 3, "of ten, 0.3 by three results"


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
