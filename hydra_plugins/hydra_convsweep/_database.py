"""Optuna's storage in a database, for the many: hundreds of workers, thousands of trials that wait."""

from collections.abc import Container
from typing import Any

from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.trial import FrozenTrial, TrialState


class Database(RDBStorage):
    """An RDBStorage that reads a waiting trial once, not with each look at the study; for the cache of `get_storage`.

    Optuna keeps finished trials in memory, and reads all others anew whenever somebody asks for a study's trials:
    six queries, and some 0.4 ms a trial. Most of the others wait, and wait as they did before: one that has run
    meanwhile has started at another time.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._waiting: dict[int, Any] = {}  # trial id: when a trial that the cache knows to wait last started

    def _get_trials(
        self,
        study_id: int,
        states: Container[TrialState] | None,
        included_trial_ids: set[int],
        trial_id_greater_than: int,
    ) -> list[FrozenTrial]:
        """Return the trials of the given ids, and those with greater ones, but for those that wait as they did."""
        cold = not included_trial_ids and trial_id_greater_than < 0
        # MySQL keeps no fractions of a second: there a trial may start twice at the same time.
        if states is not None or cold or self.engine.name == "mysql":
            return super()._get_trials(study_id, states, included_trial_ids, trial_id_greater_than)
        trial = models.TrialModel.__table__.c
        with _create_scoped_session(self.scoped_session) as session:
            query = session.query(trial.trial_id, trial.state, trial.datetime_start).filter(trial.study_id == study_id)
            unfinished = trial.state.in_([TrialState.WAITING, TrialState.RUNNING])
            rows = query.filter(unfinished | (trial.trial_id > trial_id_greater_than)).all()
        waiting = {row.trial_id: row.datetime_start for row in rows if row.state == TrialState.WAITING}
        same = {number for number, start in waiting.items() if self._waiting.get(number, 0) == start}
        changed = (included_trial_ids | {row.trial_id for row in rows}) - same
        found: list[FrozenTrial] = []
        if changed:
            newest = max([trial_id_greater_than, *(row.trial_id for row in rows)])
            found = super()._get_trials(study_id, None, changed, newest)
        self._waiting = waiting  # not before: a read that fails is repeated
        return found
