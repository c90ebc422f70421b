"""What is a study, and which way does a trial take through its states? Its identity, its queue of waiting trials, what
it takes over from earlier ones, how it is found, which trials are its best, and an app's part in it.
"""

from convsweep.study.callback import StudyCallback
from convsweep.study.finding import find_study
from convsweep.study.ranking import ranked

__all__ = ["StudyCallback", "find_study", "ranked"]
