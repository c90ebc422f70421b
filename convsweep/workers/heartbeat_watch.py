"""Watching for trials whose worker has died where nobody saw it: with its machine, its keeper, or its driver."""

import threading
import time
from typing import TYPE_CHECKING, Any

from convsweep.policy.work import WORKER
from convsweep.storage.study_lock import exclusively
from convsweep.study.trial_states import retry

if TYPE_CHECKING:
    from optuna import Study

MISSED = 3  # so many signs of life must fail to come


class HeartbeatWatch:
    """Lets trials wait again that show no sign of life; a thread of the driver, while it has workers.

    It goes by this process's own watch, and not by the clocks of others: a trial is dead that has not changed before
    its eyes for long enough. When the storage was away, the watch starts anew. Use as a context manager.
    """

    def __init__(self, study: "Study", heartbeat: float, max_retries: int) -> None:
        self._study, self._heartbeat, self._max_retries = study, heartbeat, max_retries
        self._seen: dict[int, tuple[Any, float]] = {}
        self._looked = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> "HeartbeatWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._over.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._over.wait(min(5.0, self._heartbeat / 2)):
            self._look()

    def _look(self) -> None:
        from optuna.trial import TrialState

        from convsweep.storage.shared_storage import BEAT

        running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        now = time.monotonic()
        before = self._seen if now - self._looked < max(10.0, self._heartbeat) else {}
        self._looked, self._seen = now, {}
        for trial in running:
            sign = [trial.system_attrs.get(key) for key in (BEAT, WORKER)]
            seen, since = before.get(trial._trial_id, (None, now))
            self._seen[trial._trial_id] = (sign, since if seen == sign else now)
            interval = sign[0][2] if sign[0] else self._heartbeat
            if seen == sign and now - since > MISSED * interval:
                self._settle(trial._trial_id, sign)

    def _settle(self, trial_id: int, sign: list[Any]) -> None:
        from convsweep.storage.shared_storage import BEAT

        storage = self._study._storage
        with exclusively(storage, self._study.study_name):
            trial = storage.get_trial(trial_id)  # another driver may have seen it, too
            if trial.state.name == "RUNNING" and [trial.system_attrs.get(key) for key in (BEAT, WORKER)] == sign:
                host = (sign[1] or ["an unknown machine"])[0]
                retry(self._study, trial, self._max_retries, f"its worker on {host} fell silent")
