"""A storage that several machines share: it may be away for a while, and who uses it may be dead."""

import contextlib
import copy
import threading
import uuid
from abc import update_abstractmethods
from collections.abc import Callable, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from convsweep.errors import UserError
from convsweep.storage.patience import T, giving_up, log, patiently

MADE = "convsweep:made"  # of a trial: a mark that no other one has
BEAT = "convsweep:beat"  # of a running trial: who holds it, the count of its signs of life, seconds between two


class SharedStorage(BaseStorage):
    """A database, or a proxy in front of one, as all of a study's processes see it.

    A call that gets no answer is repeated with growing pauses. What is told twice that way is told once: values and
    attributes are set, not added; a trial that has ended stays as it is; a trial of which this process does not know
    that it took it shows no sign of life, and is settled as that of a dead worker; a new trial bears a mark.

    A trial that this process runs gets a sign of life every few seconds. When another one has taken it meanwhile,
    because this process could not be heard for too long, nothing that is told of it here counts any more.
    """

    def __init__(self, make: Callable[[], BaseStorage], patience: float, heartbeat: float, wait: bool) -> None:
        self._patience, self._heartbeat = patience, heartbeat
        self._held: dict[int, str] = {}
        self._lost: set[int] = set()
        self._changing = threading.RLock()  # a sign of life must not follow the end of what it is for
        self._beating: threading.Thread | None = None
        self._storage = self.patiently(make) if wait else make()

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        template = copy.copy(template_trial)
        if template is None:
            raise NotImplementedError("a study's trials wait before they run")
        template.system_attrs = {**template.system_attrs, MADE: uuid.uuid4().hex}
        tries = 0

        def call() -> int:
            nonlocal tries
            tries += 1
            for trial in self._storage.get_all_trials(study_id, deepcopy=False) if tries > 1 else []:
                if trial.system_attrs.get(MADE) == template.system_attrs[MADE]:
                    return trial._trial_id
            return self._storage.create_new_trial(study_id, template)

        return self.patiently(call)

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        def call() -> None:
            try:
                self._storage.set_trial_param(trial_id, param_name, param_value_internal, distribution)
            except KeyError:  # Optuna's cache, or that of a proxy, has not heard of the trial
                for study in self._storage.get_all_studies():
                    self._storage.get_all_trials(study._study_id, deepcopy=False)
                self._storage.set_trial_param(trial_id, param_name, param_value_internal, distribution)

        if trial_id not in self._lost:
            self.patiently(call)

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        if state == TrialState.RUNNING:
            taken = self.patiently(lambda: self._storage.set_trial_state_values(trial_id, state))
            if taken:
                self._hold(trial_id)
            return taken
        tries = 0

        def call() -> bool:
            nonlocal tries
            tries += 1
            if not self._is_mine(trial_id):
                return False
            if tries > 1 and self._storage.get_trial(trial_id).state == state:
                return True
            return self._storage.set_trial_state_values(trial_id, state, values)

        with self._changing:
            try:
                return self.patiently(call)
            except UpdateFinishedTrialError:
                if tries == 1:
                    raise
                return True
            finally:
                self._held.pop(trial_id, None)

    def remove_session(self) -> None:
        self._storage.remove_session()

    def _hold(self, trial_id: int) -> None:
        self._lost.discard(trial_id)
        self._held[trial_id] = uuid.uuid4().hex
        self._beat(trial_id, 0)
        if self._beating is None:
            self._beating = threading.Thread(target=self._keep_beating, daemon=True)
            self._beating.start()

    def _beat(self, trial_id: int, count: int) -> None:
        if holder := self._held.get(trial_id):
            self.set_trial_system_attr(trial_id, BEAT, [holder, count, self._heartbeat])

    def _keep_beating(self) -> None:
        count = 0
        while not giving_up.wait(self._heartbeat):
            count += 1
            for trial_id in list(self._held):
                # Who runs the trial hears of an error, too.
                with self._changing, contextlib.suppress(UserError, UpdateFinishedTrialError):
                    if self._is_mine(trial_id):
                        self._beat(trial_id, count)

    def _is_mine(self, trial_id: int) -> bool:
        """Whether nobody else has taken a trial that this process took; of any other one, yes."""
        holder = self._held.get(trial_id)
        if trial_id in self._lost:
            return False
        if holder is None:
            return True
        trial = self.get_trial(trial_id)
        if trial.system_attrs.get(BEAT, [holder])[0] == holder and trial.state != TrialState.WAITING:
            return True
        if trial_id in self._held:  # it has not ended in the meantime
            log.warning("trial %d: this worker was not heard for too long, and another one runs it now", trial.number)
            self._lost.add(trial_id)
            self._held.pop(trial_id)
        return False

    def patiently(self, call: Callable[[], T]) -> T:
        """Call until there is an answer; see `patience.patiently`."""
        return patiently(call, self._patience)


def _forward(name: str) -> Callable[..., Any]:
    """Make the method of that name: the storage's own, called until it answers."""

    def method(self: SharedStorage, *arguments: Any, **named: Any) -> Any:
        if name.startswith("set_trial_") and (arguments[0] if arguments else named["trial_id"]) in self._lost:
            return None
        return self.patiently(lambda: getattr(self._storage, name)(*arguments, **named))

    method.__name__, method.__doc__ = name, getattr(BaseStorage, name).__doc__
    return method


for _name in [name for name in dir(BaseStorage) if not name.startswith("_") and name not in vars(SharedStorage)]:
    setattr(SharedStorage, _name, _forward(_name))
update_abstractmethods(SharedStorage)
