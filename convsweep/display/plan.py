"""What a sweep says before it starts."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig
from rich.console import Console

from convsweep.display.words import domain_in_words, fresh_seeds, goals_in_words, say
from convsweep.policy.asha import Asha
from convsweep.policy.budget import Budget
from convsweep.policy.repeats import Confirmation, is_repeat
from convsweep.space.space import Space

if TYPE_CHECKING:
    from optuna import Study

NOTHING = "nothing to search, one trial of the config as it is; type e.g. key=1,2 or 'key=interval(0,1)'"


def show_plan(
    study: "Study",
    directory: Path,
    space: Space,
    sweeper: DictConfig,
    trials: int,
    finished: int,
    workers: int,
    enumerated: bool,
    console: Console,
) -> None:
    """Print what is searched, at what cost and how.

    Args:
        study: The study.
        directory: Its folder.
        space: What is searched.
        sweeper: `hydra.sweeper`.
        trials: How many trials the study ends with, at most.
        finished: How many of them there are already.
        workers: How many run them.
        enumerated: Whether every combination is tried once.
        console: Where to print.
    """
    budget, confirmation = Budget.of(sweeper), Confirmation.of(sweeper)
    searched = "  ".join(f"{name} {domain_in_words(words)}" for name, words in space.describe().items()) or NOTHING
    how = "every combination once" if enumerated else f"drawn by {_class_name(sweeper.sampler)}"
    there = study.get_trials(deepcopy=False)
    if there and all(map(is_repeat, there)):
        how = "configurations of before with fresh seeds"
    again = ""
    if confirmation:
        trials += confirmation.trials
        again = f", then the best {confirmation.candidates} again with {fresh_seeds(confirmation.seeds)}"
    size = f"{trials} trial{'s' * (trials != 1)}" if budget.trials is not None else str(budget)
    done = f", {finished} {'of them' if budget.trials is not None else 'trials'} done" if finished else ""
    never = "NopPruner" in sweeper.pruner._target_ or len(study.directions) > 1
    pruner = "no pruning" if never else f"pruned by {_class_name(sweeper.pruner)}"
    if asha := Asha.of(sweeper):
        rungs = [str(asha.step(rung)) for rung in range(4) if asha.rung_at(asha.step(rung)) is not None]
        more = ", ..." if len(rungs) == 4 else ""
        pruner = f"pausing at {', '.join(rungs)}{more}, one in {asha.reduction_factor} going on"
        if asha.brackets > 1 and len(rungs) > 1:
            later = f"{asha.brackets - 1} in {asha.brackets} trials" if asha.brackets > 2 else "every second trial"
            later = "some" if asha.learns else later
            pruner += f", {later} not before {rungs[1]}"
        pruner = pruner if rungs else "no pruning: a trial has fewer epochs than the first rung"
    limit = f", {sweeper.timeout:g} s at most" if sweeper.timeout else ""
    for line in (
        f"study   {study.study_name}: {goals_in_words(study)}, in {os.path.relpath(directory)}",
        f"space   {searched}",
        f"budget  {size}{done}, {how}, {pruner}{again}; {workers} worker{'s' * (workers > 1)}{limit}",
        *(f"note    {note}" for note in space.notes),
    ):
        say(console, line)


def _class_name(part: Any) -> str:
    return part._target_.rpartition(".")[2]
