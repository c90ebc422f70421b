"""What is a study, and which way does a trial take through its states? Its identity, its queue of waiting trials, what
it takes over from earlier ones, how it is found, which trials are its best, and still are when they are trained again,
and an app's part in it.
"""

from convsweep.study.callback import StudyCallback
from convsweep.study.feasibility import INFEASIBLE, is_infeasible
from convsweep.study.finding import find_study, place_of
from convsweep.study.identity import is_enumerated
from convsweep.study.key_names import shortened
from convsweep.study.metric_names import metric_names as value_names
from convsweep.study.ranges import tell_ranges
from convsweep.study.ranking import leaders, ranked, rounded
from convsweep.study.repeats import SOURCE, Repeated, open_repeats, repeated
from convsweep.study.spread import spread_of, values_of

__all__ = [
    "INFEASIBLE", "SOURCE", "Repeated", "StudyCallback", "find_study", "is_enumerated", "is_infeasible", "leaders",
    "open_repeats", "place_of", "ranked", "repeated", "rounded", "shortened", "spread_of", "tell_ranges",
    "value_names", "values_of",
]  # fmt: skip
