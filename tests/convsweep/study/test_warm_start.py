"""What a new study takes over from earlier ones."""

from convsweep.sampling.sampler_view import SamplerView
from convsweep.study.warm_start import remember
from tests.helpers.spaces import finish, space, study_of


def test_only_what_agrees_is_taken_over() -> None:
    earlier = study_of(space("x=interval(0,1)", conditions={}))
    finish(earlier, space("x=interval(0,1)", conditions={}), x=0.9, value=1.0)
    narrower, wider = space("x=interval(0,0.5)", conditions={}), space("x=interval(0,2)", "y=1,2", conditions={})
    assert remember(study_of(narrower), [earlier], narrower) == []
    new = study_of(wider)
    assert remember(new, [earlier], wider) == [{"x": 0.9}]
    assert SamplerView(new, new.sampler).trials == []
    other_way = study_of(wider, direction="maximize")
    remember(other_way, [earlier], space("x=interval(0,2)", conditions={}))
    assert SamplerView(other_way, other_way.sampler).trials == []
