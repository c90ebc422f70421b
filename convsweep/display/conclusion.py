"""What a sweep says last: why it ended, and the command that goes on."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from omegaconf import DictConfig
from rich.console import Console

from convsweep.display.words import say
from convsweep.policy.budget import Budget
from convsweep.policy.repeats import is_repeat
from convsweep.policy.stopping_rules import StoppingRules
from convsweep.space.space import Space
from convsweep.study.retrying import failed

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

    from convsweep.insight import Findings

ENOUGH = 5  # configurations; fewer are worth a word where the budget is not a number of trials


def show_conclusion(
    study: "Study",
    space: Space,
    sweeper: DictConfig,
    ended: str | None,
    left: bool,
    findings: "Findings",
    command: Callable[..., str],
    another: Callable[[], str],
    beside: Callable[..., str],
    console: Console,
) -> None:
    """Print the limit that ended the sweep, if any, and what to type to retry what failed, to resume it, or to go on.

    Args:
        study: The study.
        space: What it searches.
        sweeper: `hydra.sweeper`.
        ended: Which of the stopping rules ended it, in words.
        left: Whether the budget is not spent.
        findings: What its trials say.
        command: Makes the command of this sweep, with overrides.
        another: Makes the command of the same study once more, beside this one.
        beside: Makes the command of a study beside this one that starts from it, with overrides.
        console: Where to print.
    """
    trials = study.get_trials(deepcopy=False)
    more = [] if left else _more(sweeper, trials)
    open_ = space.size is None or space.size > len(trials) or any(trial.state.name == "WAITING" for trial in trials)
    if trials and all(map(is_repeat, trials)):  # there is nothing to search
        open_ = False
    if not left and (overrides := _advised(findings)):
        say(console, f"next     {beside(*overrides)}")
    if failed(study):
        spent = [] if Budget.of(sweeper).trials is not None else more  # a budget of trials has place for them beside it
        say(console, f"retry    {command(*spent, 'hydra.sweeper.retry_failed=true')}")
    if ended:
        say(console, f"ended    {ended}")
        lifted = [f"hydra.sweeper.{key}=null" for key in StoppingRules.of(sweeper).names_reached(study)]
        if left or open_:
            say(console, f"go on    {command(*lifted, *more)}")
    elif left:
        say(console, f"resume   {command()}")
    elif trials and all(trial.state.name == "FAIL" for trial in trials):  # a larger budget mends nothing
        if not failed(study):  # by their values alone, and so would again
            say(console, f"note     all trials failed, and are not tried again; mend that, and begin anew: {another()}")
    elif open_:  # the budget is spent
        tried = sum(trial.state.name != "WAITING" for trial in trials)
        if Budget.of(sweeper).trials is None and tried < ENOUGH:
            many = "one configuration was" if tried == 1 else f"{tried} configurations were"
            say(console, f"note     only {many} tried in {Budget.of(sweeper)}: too few to call it a search; go on")
        say(console, f"go on    {command(*more)}")


def _advised(findings: "Findings") -> list[str]:
    """Return the overrides of a search where the best values lie, and without those that cannot be run."""
    wanted = [advice for advice in findings.advice if advice.kind in ("edge", "kept out")]
    by_key = {override.split("=")[0]: override for advice in wanted for override in advice.overrides}
    return list(by_key.values())


def _more(sweeper: DictConfig, trials: "Sequence[FrozenTrial]") -> list[str]:
    """Return the overrides of a budget twice as large; of one in two units in that which is spent."""
    budget = Budget.of(sweeper)
    more = [budget.twice(by_name=sweeper.budget is not None)]
    if sweeper.budget is None or sweeper.n_trials is None:
        return more
    number = f"hydra.sweeper.n_trials={2 * sweeper.n_trials}"
    if budget.trials is not None:  # the two are the same
        return [*more, number]
    return [number] if sum(trial.state.name != "WAITING" for trial in trials) >= sweeper.n_trials else more
