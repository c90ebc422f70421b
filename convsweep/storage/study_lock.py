"""What only one of a study's drivers may do at a time, wherever they run."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage

QUIET = 60.0  # seconds without a new trial after which a driver that fills a study counts as dead


@contextmanager
def exclusively(storage: "BaseStorage", name: str) -> Iterator[None]:
    """Let one driver at a time change what all of them go by: a study's queue.

    The lock is a study of that name: storages create it for exactly one of those that try. Whoever holds it and
    dies holds it until the study has had no new trial for a minute.
    """
    from optuna.exceptions import DuplicatedStudyError
    from optuna.study import StudyDirection

    from convsweep.storage.shared_storage import SharedStorage

    if not isinstance(storage, SharedStorage):
        yield
        return
    lock = f"{name}:lock"
    seen, since = None, time.monotonic()
    while True:
        with suppress(DuplicatedStudyError):
            held = storage.create_new_study([StudyDirection.MINIMIZE], lock)
            break
        time.sleep(0.2)
        studies = {study.study_name: study._study_id for study in storage.get_all_studies()}
        count = len(storage.get_all_trials(studies[name], deepcopy=False)) if name in studies else 0
        if (now := (studies.get(lock), count)) != seen:
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > QUIET and lock in studies:
            with suppress(KeyError):  # another one has noticed, too
                storage.delete_study(studies[lock])
    try:
        yield
    finally:
        with suppress(KeyError):
            storage.delete_study(held)


def alone(study: "Study") -> AbstractContextManager[None]:
    """Keep a study's other drivers, on other machines, out of what all of them would do at once."""
    return exclusively(study._storage, study.study_name)
