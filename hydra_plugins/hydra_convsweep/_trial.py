"""The one door between a Hydra app and the sweeper that runs it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

_current: "TrialHandle | None" = None


class TrialHandle:
    """A running trial, as its app sees it.

    Attributes:
        number: The trial's number in its study, from 0.
        seed: An integer below 2**32, derived from the study's seed and the number alone.
        study_name: The name of the study.
        params: The searched values, by key, as the sampler chose them.
        stopped: Whether `should_stop` has said yes.
    """

    def __init__(self, trial: "optuna.Trial", seed: int) -> None:
        self._trial = trial
        self._single = len(trial.study.directions) == 1
        self.number: int = trial.number
        self.seed = seed
        self.study_name: str = trial.study.study_name
        self.params: dict[str, Any] = trial.params
        self.stopped = False

    @property
    def study_attrs(self) -> Mapping[str, Any]:
        """The study's user attributes, read anew from its storage."""
        return self._trial.study.user_attrs

    @property
    def attrs(self) -> Mapping[str, Any]:
        """What was attached to this trial, also by an earlier run of it that was interrupted."""
        return self._trial.user_attrs

    def report(self, value: float, step: int) -> None:
        """Report the objective's value after `step`, a count of epochs or the like that starts at 1.

        A study with several objectives keeps no intermediate values: there the call does nothing. A step
        that an interrupted run of this trial reported before keeps its value.
        """
        if self._single and step not in self._trial.storage.get_trial(self._trial._trial_id).intermediate_values:
            self._trial.report(value, step)

    def should_stop(self) -> bool:
        """Ask whether to end now; after a yes, return from the task function: the trial is pruned.

        The answer rests on the values reported so far.
        """
        self.stopped = self.stopped or (self._single and self._trial.should_prune())
        return self.stopped

    def set_attr(self, key: str, value: Any) -> None:
        """Attach a JSON value to the trial, readable in Optuna as a user attribute."""
        self._trial.set_user_attr(key, value)


def current_trial() -> TrialHandle | None:
    """Return the handle on the trial that this process is running, or None outside a study."""
    return _current


def set_current_trial(handle: TrialHandle | None) -> None:
    global _current
    _current = handle
