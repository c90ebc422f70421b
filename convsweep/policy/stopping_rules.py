"""When a sweep ends before its budget: what its finished trials say, a question that any process can answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from convsweep.policy.asha import feasible, was_left_paused
from convsweep.policy.repeats import is_repeat
from convsweep.policy.work import RETRIED

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

# So many trials are finished before a rate of failures among them says anything.
MIN_TRIALS = 10


@dataclass(frozen=True)
class StoppingRules:
    """The limits of `hydra.sweeper` other than the number of trials; None: no such limit."""

    target: float | None
    patience: int | None
    max_failure_rate: float | None
    max_consecutive_failures: int | None

    @classmethod
    def of(cls, sweeper: DictConfig) -> "StoppingRules":
        return cls(sweeper.target, sweeper.patience, sweeper.max_failure_rate, sweeper.max_consecutive_failures)

    def reached(self, study: "Study") -> str | None:
        """Say which limit the study's finished trials have reached, or None."""
        return self.hopeless(study) or self.good_enough(study)

    def names_reached(self, study: "Study") -> list[str]:
        """Return the keys of all limits that are reached: what has to be lifted for the study to go on."""
        single = {
            name: StoppingRules(**{other: limit if other == name else None for other in vars(self)})
            for name, limit in vars(self).items()
        }
        return [name for name, rule in single.items() if rule.hopeless(study, least=1) or rule.good_enough(study)]

    def hopeless(self, study: "Study", least: int = MIN_TRIALS) -> str | None:
        """Say which limit on failures is exceeded, or None; a rate counts from `least` trials on."""
        if self.max_failure_rate is None and self.max_consecutive_failures is None:
            return None
        failed = [trial.state.name == "FAIL" for trial in _finished(study)]
        if self.max_failure_rate is not None and len(failed) >= least and failed:
            rate = sum(failed) / len(failed)
            if rate > self.max_failure_rate:
                return f"{sum(failed)} of {len(failed)} trials failed, max_failure_rate={self.max_failure_rate:g}"
        row = next((i for i, bad in enumerate(reversed(failed)) if not bad), len(failed))
        if self.max_consecutive_failures is not None and row >= self.max_consecutive_failures:
            return f"the last {row} trials failed, max_consecutive_failures={self.max_consecutive_failures}"
        return None

    def good_enough(self, study: "Study") -> str | None:
        """Say that the target is reached or that patience is at its end, or None."""
        if self.target is None and self.patience is None:
            return None
        sign = -1 if study.direction.name == "MAXIMIZE" else 1
        best, since = float("inf"), 0
        for trial in _finished(study):
            # It was not trained for long enough to be the best, or had its turn as the trial that it repeats.
            if was_left_paused(trial) or is_repeat(trial):
                continue
            since += 1
            if trial.state.name == "COMPLETE" and feasible(trial) and sign * trial.values[0] < best:
                best, since = sign * trial.values[0], 0
                if self.target is not None and best <= sign * self.target:
                    return f"trial {trial.number} reached target={self.target:g}"
        if self.patience is not None and since >= self.patience:
            return f"the best value has not moved for {since} trials, patience={self.patience}"
        return None


def _finished(study: "Study") -> Sequence["FrozenTrial"]:
    # In order of their numbers, not of their ends: clocks jump, and those of two machines differ.
    again = set(study.user_attrs.get(RETRIED, []))  # what failed and is run again has not failed
    trials = study.get_trials(deepcopy=False)
    return [trial for trial in trials if trial.state.is_finished() and trial.number not in again]
