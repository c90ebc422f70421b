"""Which trials are no answer, whatever they came to: those that could not be run, or broke a constraint."""

from typing import TYPE_CHECKING

from convsweep.errors import printable
from convsweep.policy.asha import feasible
from convsweep.study.failure import without_numbers

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

INFEASIBLE = "infeasible"  # of a trial: why it could not be run, in the words of who said so
TOLD = "feasible"  # the constraint that such a trial breaks for the sampler, where it broke no other one


def is_infeasible(trial: "FrozenTrial") -> bool:
    """Whether a trial has ended without failing, and yet is no answer."""
    ended = trial.state.is_finished() and trial.state.name != "FAIL"
    return ended and (bool(trial.user_attrs.get(INFEASIBLE)) or not feasible(trial))


def broken(trial: "FrozenTrial") -> dict[str, float]:
    """Return the constraints that a trial breaks, and by how much each."""
    return {name: by for name, by in trial.constraints.items() if by > 0 and name != TOLD}


def why_infeasible(trial: "FrozenTrial") -> str:
    """Return why an infeasible trial is, in a line; empty for any other one."""
    if not is_infeasible(trial):
        return ""
    told = " ".join(str(trial.user_attrs.get(INFEASIBLE) or "").split())
    return printable(told or ", ".join(f"breaks {name} by {by:.4g}" for name, by in broken(trial).items()))


def kind_of_end(trial: "FrozenTrial") -> str:
    """Return why a trial was infeasible, or failed, in words that it shares with others of its kind."""
    return why_out(trial) if is_infeasible(trial) and broken(trial) else without_numbers(why_out(trial))


def why_out(trial: "FrozenTrial") -> str:
    """Return why a trial was infeasible, or failed: the constraint it broke, or its own words."""
    if is_infeasible(trial) and (names := list(broken(trial))):
        return printable(names[0])
    told = why_infeasible(trial) or str(trial.user_attrs.get("error") or "a reason that was not told")
    return printable(" ".join(told.split()))
