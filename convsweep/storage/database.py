"""Optuna's storage in a database, for the many: a thousand workers, thousands of trials that wait."""

import time
from collections.abc import Container, Sequence
from typing import Any

from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.trial import FrozenTrial, TrialState

# At most this share of the time is spent on reading anew what others' running trials have reported, but they are read
# after so many seconds in any case: one slow answer must not make a process blind.
SHARE, LONGEST = 0.05, 5.0


class Database(RDBStorage):
    """An RDBStorage that reads again only what may have changed; to be used behind the cache of `get_storage`.

    Optuna keeps finished trials in memory, and reads all others anew whenever somebody asks for a study's trials:
    six queries, and some 0.4 ms a trial. Here one that waits is read once: one that has run meanwhile has started at
    another time, and who writes to one that waits takes it first (`trial_states.prescribe`). One that runs elsewhere is
    read from time to time, but each time until its values are there, for nobody is to draw the same; one that was taken
    through this object each time.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._known: dict[int, dict[int, Any]] = {}  # study id, trial id: state and start, as they are in the cache
        self._own: set[int] = set()
        self._valued: set[int] = set()  # trials that were read with values
        self._read_until = 0.0  # when others' running trials are to be read again

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        self._own.discard(trial_id)
        done = super().set_trial_state_values(trial_id, state, values)
        if done and state == TrialState.RUNNING:
            self._own.add(trial_id)
        return done

    def _get_trials(
        self,
        study_id: int,
        states: Container[TrialState] | None,
        included_trial_ids: set[int],
        trial_id_greater_than: int,
    ) -> list[FrozenTrial]:
        """Return the trials of the given ids, and those with greater ones, but for those that the cache knows."""
        cold = not included_trial_ids and trial_id_greater_than < 0
        # These two keep no fractions of a second: there a trial may start twice at the same time.
        if states is not None or cold or self.engine.name in ("mysql", "mariadb"):
            return super()._get_trials(study_id, states, included_trial_ids, trial_id_greater_than)
        began = time.monotonic()
        trial = models.TrialModel.__table__.c
        with _create_scoped_session(self.scoped_session) as session:
            query = session.query(trial.trial_id, trial.state, trial.datetime_start).filter(trial.study_id == study_id)
            unfinished = trial.state.in_([TrialState.WAITING, TrialState.RUNNING])
            rows = query.filter(unfinished | (trial.trial_id > trial_id_greater_than)).all()
        now = {number: (state, start) for number, state, start in rows if not state.is_finished()}
        known = self._known.get(study_id, {})
        same = {number for number in now if now[number] == known.get(number)} - self._own
        same -= {number for number in same - self._valued if now[number][0] == TrialState.RUNNING}
        if began >= self._read_until:
            same -= {number for number in same if now[number][0] == TrialState.RUNNING}
        found: list[FrozenTrial] = []
        if changed := (included_trial_ids | {number for number, *_ in rows}) - same:
            newest = max([trial_id_greater_than, *(number for number, *_ in rows)])
            found = super()._get_trials(study_id, None, changed, newest)
        self._valued |= {trial._trial_id for trial in found if trial.params}
        self._known[study_id] = now  # not before: a read that fails is repeated
        if began >= self._read_until:
            self._read_until = time.monotonic() + min((time.monotonic() - began) / SHARE, LONGEST)
        return found
