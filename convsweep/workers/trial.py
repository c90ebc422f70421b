"""The one door between a Hydra app and the sweeper that runs it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass
import dataclasses
import math
import threading
from pathlib import Path

from convsweep.policy.asha import RUNG, VALUES, feasible, pause
from convsweep.policy.pace import PACE, Pace, Stopwatch
from convsweep.policy.policy import Phase, Policy
from convsweep.policy.repeats import repeated_number
from convsweep.policy.ties import order, tie_key
from convsweep.policy.time_budget import FINISH
from convsweep.study.spread import SPREAD

if TYPE_CHECKING:
    import optuna

STOP = "convsweep:stop:"  # with a driver's id: its workers are to take no more trials; "now": nor to finish theirs
_current: "TrialHandle | None" = None
_is_warm = False  # whether this process has run a step: the first one has imports and the like in it
# Set when this process alone is told to stop, by a cluster that takes its machine back.
stop_requested = threading.Event()
PRUNED = "convsweep:pruned"  # of a running trial: the pruner has said so
LOOK = 0.5  # seconds, at least, between two looks at whether the sweep stops: a look is a call to the storage


class Infeasible(Exception):
    """Raise it from the task function when the trial's values cannot, or must not, be run; say why.

    The trial costs nothing, is shown as infeasible, and teaches the sampler to keep away.
    """


class TrialHandle:
    """A running trial, as its app sees it.

    Attributes:
        number: The trial's number in its study, from 0.
        seed: An integer below 2**32, derived from the study's seed and the number alone; of a trial that repeats
            another one from which repeat it is, so that repeats of two configurations have the same seeds.
        repeats: The number of the trial that this one trains again, with another seed; None for other trials.
        driver: An id of the sweep's process, which several machines may have one of; as its callbacks know it.
        study_name: The name of the study.
        params: The searched values, by key, as the sampler chose them.
        directory: The trial's folder: its files, and a checkpoint if the app writes one, are there again when
            an interrupted trial goes on.
        stopped: Whether `should_stop` has said yes because the trial is pruned.
        interrupted: Whether it has said yes because the trial is to go on another time: the sweep stops, or a
            scheduler lets it pause until it proves to be among the best.
    """

    def __init__(
        self,
        trial: "optuna.Trial",
        seed: int,
        directory: Path,
        driver: str = "",
        policy: Policy | None = None,
        watch: Stopwatch | None = None,
    ) -> None:
        self._trial = trial
        self._policy, self._asha = policy, policy and policy.asha
        self._values = len(trial.study.directions)  # how many a report has
        self._step, self._judged = 0, False
        # While it runs nobody else writes to the trial, so that its storage need not be asked again what it holds.
        began = trial._cached_frozen_trial
        self._reported, self._constrained = set(began.intermediate_values), set(began.constraints)
        self._bracket = self._asha.bracket(began) if self._asha else 0
        self._rung, self._pruned = began.system_attrs.get(RUNG), PRUNED in began.system_attrs
        self._watch = watch or Stopwatch(Pace.of(began), _is_warm)
        self._looked = self._watch.clock()
        self.number: int = trial.number
        self.repeats = repeated_number(began)
        self.seed = seed
        self.driver = driver
        self.study_name: str = trial.study.study_name
        self.params: dict[str, Any] = trial.params
        self.directory = directory
        self.stopped = False
        self.interrupted = False

    @property
    def study_attrs(self) -> Mapping[str, Any]:
        """The study's user attributes, read anew from its storage."""
        return self._trial.study.user_attrs

    @property
    def attrs(self) -> Mapping[str, Any]:
        """What was attached to this trial, also by an earlier run of it that was interrupted."""
        return self._trial.user_attrs

    @property
    def best_value(self) -> float | None:
        """The best value of the study's complete trials so far, of several objectives the first one's."""
        trials = self._trial.study.get_trials(deepcopy=False)
        values = [trial.values[0] for trial in trials if trial.state.name == "COMPLETE" and feasible(trial)]
        maximize = self._trial.study.directions[0].name == "MAXIMIZE"
        return (max if maximize else min)(values, default=None)

    @property
    def maximizes(self) -> bool:
        """Whether higher values are better, of several objectives the first one's."""
        return self._trial.study.directions[0].name == "MAXIMIZE"

    @property
    def paused(self) -> list[int]:
        """The numbers of the trials that pause, this one among them if it does, the least promising first."""
        return self._asha.least_promising(self._trial.study, self.number) if self._asha else []

    def is_best(self, value: float) -> bool:
        """Whether the trial were the study's best if it ended now with this value, of several the first one's.

        Tell the tie-break before: see `set_tie_break`.
        """
        return self.ranking(value)[0] == self.number

    def ranking(self, value: float) -> list[int]:
        """Return the numbers of the complete trials, best first, this one among them as if it ended with this value."""
        trials = self._trial.study.get_trials(deepcopy=False)
        sign = -1 if self._trial.study.directions[0].name == "MAXIMIZE" else 1
        places = [order(self._trial.storage.get_trial(self._trial._trial_id), value, sign)]
        places += [order(t, t.values[0], sign) for t in trials if t.state.name == "COMPLETE" and feasible(t)]
        return [number for *_, number in sorted(places)]

    def report(self, value: float | Sequence[float], step: int, tie_break: float | None = None) -> None:
        """Report the objective's value after `step`, a count of epochs or the like that starts at 1.

        In a study with several objectives it is a list of their values, which counts where a scheduler lets trials
        pause, else the call does nothing. A step that an interrupted run of this trial reported before keeps its
        value. Where trials wait for each other at a step, the lower `tie_break` goes before of two equal ones.

        Raises:
            ValueError: The list has another number of values than the study has objectives.
        """
        from convsweep.storage.journal import together

        global _is_warm
        self._step, self._judged, _is_warm = step, False, True
        self._watch.step()
        listed = isinstance(value, Sequence) or getattr(value, "ndim", 0) == 1
        values: list[Any] = list(map(float, value)) if listed else [value]  # pyright: ignore[reportArgumentType]
        if listed and len(values) != self._values:
            raise ValueError(f"`report` must get {self._values} values, one an objective, got {len(values)}")
        if not self._counts(values) or step in self._reported:
            return
        self._reported.add(step)
        with together(self._trial.storage):
            self._note_pace()
            if self._asha is not None and self._asha.compared_at(step) is not None:
                if tie_break is not None:
                    self._set(tie_key(step), float(tie_break))
                if self._values > 1:  # JSON has no NaN
                    self._set(f"{VALUES}{step}", [v if math.isfinite(v) else None for v in values])
            if self._values == 1:
                self._trial.report(values[0], step)
            else:  # Optuna's own call refuses; the first objective stands for how far the trial is
                self._trial.storage.set_trial_intermediate_value(self._trial._trial_id, step, values[0])

    def _counts(self, values: Sequence[Any]) -> bool:
        """Whether a report is kept: of several objectives only all together, and for the scheduler."""
        return len(values) == self._values and (self._values == 1 or self._asha is not None)

    def is_judged_at(self, step: int) -> bool:
        """Whether a scheduler looks at this trial after that step: what is dear to measure is wanted there alone."""
        return self._asha is not None and self._asha.rung_at(step, self._bracket) is not None

    def note_end(self) -> None:
        """Note how long the trial took after its last step, once it has ended by itself."""
        self._watch.end()
        self._note_pace()

    def _note_pace(self) -> None:
        if self._policy is not None and self._policy.timed:
            self._set(PACE, dataclasses.astuple(self._watch.pace))

    def set_tie_break(self, value: float) -> None:
        """Say what decides between this trial and others that end with the same value: the lower one is the better."""
        self._set(tie_key(), float(value))

    def set_spread(self, deviations: Sequence[float]) -> None:
        """Say how far apart the parts lie that each of the trial's values is the mean of, as a standard deviation.

        It is shown beside the value, and decides nothing.
        """
        self._set(SPREAD, [float(deviation) for deviation in deviations])

    def _set(self, key: str, value: Any) -> None:
        self._trial.storage.set_trial_system_attr(self._trial._trial_id, key, value)

    def should_stop(self) -> bool:
        """Ask whether to end now; after a yes, save what the trial needs to go on, and return.

        The trial is pruned or pauses, by the values reported so far, or the whole sweep stops. Ask while
        there is something left to do, not after the last step. A value is judged once, however often it is asked
        before the next one.
        """
        if not (self.stopped or self.interrupted):
            # The pruner has had its say on the steps that an interrupted run got past.
            asked = self._step == max(self._reported, default=None) and not self._judged
            self._judged = True
            self.stopped = asked and self._is_pruned()
            self.interrupted = not self.stopped and (
                self._gives_way() or (asked and self._pauses()) or self._sweep_stops()
            )
        return self.stopped or self.interrupted

    def set_attr(self, key: str, value: Any) -> None:
        """Attach a JSON value to the trial, readable in Optuna as a user attribute."""
        self._trial.set_user_attr(key, value)

    def set_constraint(self, key: str, value: float) -> None:
        """Tell the sampler of a constraint, which holds if `value` is 0 or less; the first call for a key counts."""
        if key not in self._constrained:
            self._constrained.add(key)
            self._trial.set_constraint(key, value)

    def _is_pruned(self) -> bool:
        """Ask the pruner, once: one that notes in the trial what it has looked at would say no the second time."""
        from optuna.pruners import NopPruner

        from convsweep.storage.journal import together

        storage = self._trial.storage
        if isinstance(self._trial.study.pruner, NopPruner) or self._pruned or self._values > 1:
            return self._pruned
        with together(storage):  # its notes and its word are kept at once, or a kill might come in between
            self._pruned = self._trial.should_prune()
            if self._pruned:
                storage.set_trial_system_attr(self._trial._trial_id, PRUNED, True)
        return self._pruned

    def _gives_way(self) -> bool:
        """Whether a budget of time is about to be spent, or is, and this trial is not to be the answer."""
        policy, study = self._policy, self._trial.study
        if policy is None or not policy.timed or not policy.gives_way(study, self.number, self._phase):
            return False
        if self._asha is not None and (step := self._asha.highest_rung(self._known())):
            pause(study, self._trial._trial_id, self._asha.rung_at(step) or 0)
        return True

    def _pauses(self) -> bool:
        rung = self._asha and self._asha.rung_at(self._step, self._bracket)
        if self._policy is None or rung is None or self._was_promoted_from(rung):
            return False
        if self._policy.goes_on(self._trial.study, self._known(), rung, self._phase):
            return False
        pause(self._trial.study, self._trial._trial_id, rung)
        return True

    def _was_promoted_from(self, rung: int) -> bool:
        """Whether the trial has been judged at this rung, and makes its way to it anew."""
        state, number, *step = self._rung or ("", None)
        return state == "promoted" and (step == [self._step] if step else number == rung)  # earlier marks had no step

    @property
    def _phase(self) -> Phase:
        return self.study_attrs.get(FINISH + self.driver, False)

    def _known(self) -> "optuna.trial.FrozenTrial":
        return self._trial.storage.get_trial(self._trial._trial_id)

    def _sweep_stops(self) -> bool:
        if stop_requested.is_set() or self._watch.clock() - self._looked < LOOK:
            return stop_requested.is_set()
        self._looked = self._watch.clock()
        return self.study_attrs.get(STOP + self.driver) == "now"


def current_trial() -> TrialHandle | None:
    """Return the handle on the trial that this process is running, or None outside a study."""
    return _current


def set_current_trial(handle: TrialHandle | None) -> None:
    global _current
    _current = handle
