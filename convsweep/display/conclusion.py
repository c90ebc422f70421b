"""What a sweep says last: why it ended, and the command that goes on."""

from typing import TYPE_CHECKING

from omegaconf import DictConfig
from rich.console import Console

from convsweep.display.command import typed_command
from convsweep.display.words import say
from convsweep.policy.budget import Budget
from convsweep.space.space import Space

if TYPE_CHECKING:
    from optuna import Study


def show_conclusion(
    study: "Study", space: Space, sweeper: DictConfig, ended: str | None, left: bool, console: Console
) -> None:
    """Print the limit that ended the sweep, if any, and what to type to resume it, or to go on with a larger budget.

    Args:
        study: The study.
        space: What it searches.
        sweeper: `hydra.sweeper`.
        ended: Which of the stopping rules ended it, in words.
        left: Whether the budget is not spent.
        console: Where to print.
    """
    trials = study.get_trials(deepcopy=False)
    if ended:
        say(console, f"ended    {ended}")
    if left and not ended:
        say(console, f"resume   {typed_command()}")
    elif (
        space.size is None
        or space.size > len(trials)
        or any(trial.state.name == "WAITING" for trial in trials)  # the budget is spent
    ):
        twice = Budget.of(sweeper).twice(by_name=sweeper.budget is not None)
        say(console, f"go on    {typed_command(twice)}")
