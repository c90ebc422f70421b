"""What a sweep would do: its plan, its first configurations and what they may cost, from a study in memory."""

from pathlib import Path
from typing import TYPE_CHECKING

from convsweep.display.words import params_in_words, say
from convsweep.driver.checks import directions
from convsweep.driver.cost import cost_in_words
from convsweep.driver.sweep import Sweep
from convsweep.policy.policy import Policy
from convsweep.policy.work import RETRIED
from convsweep.sampling.draw import draw
from convsweep.storage.address import is_local
from convsweep.storage.opening import open_configured
from convsweep.study.identity import ENUMERATED, IDENTITY, open_study
from convsweep.study.retrying import retried
from convsweep.study.trial_states import take

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage
    from rich.console import Console

SHOWN = 5  # configurations


def find_storage(sweep: Sweep) -> "BaseStorage | None":
    """Open the sweep's storage; None where that would make one."""
    storage = sweep.config.hydra.sweeper.storage
    file = Path((storage or str(sweep.directory / "journal.log")).removeprefix("sqlite:///"))
    return open_configured(sweep.config, sweep.directory) if not is_local(storage) or file.exists() else None


def copy_of(study: "Study | None", sweep: Sweep) -> "Study":
    """Return the study in memory, as it would be taken up, or a new one."""
    from optuna.storages import InMemoryStorage

    sweeper = sweep.config.hydra.sweeper
    copy, _ = open_study(
        InMemoryStorage(), sweep.name, directions(sweeper), sweep.space, sweep.settings, sweeper.seed, sweep.defaults
    )
    if study is not None:
        copy.set_user_attr(RETRIED, retried(study))
        for name in {"seed", IDENTITY, ENUMERATED} & set(study.user_attrs):
            copy.set_user_attr(name, study.user_attrs[name])
        copy.add_trials(study.get_trials(deepcopy=False))
    return copy


def show_dry_run(study: "Study", sweep: Sweep, policy: Policy, left: int, workers: int, console: "Console") -> None:
    """Print what comes after the plan: the space's size, the trials that would be next, and their cost.

    Args:
        study: In memory; its next trials are drawn.
        sweep: The sweep.
        policy: How its trials are worked off.
        left: How many trials are left at most.
        workers: How many would run them.
        console: Where to print.
    """
    size, keys = sweep.space.size, len(sweep.space.parameters)
    known = "countless combinations" if size is None else f"{size:,} combination{'s' * (size != 1)}"
    say(console, f"size    {known} of {keys} searched key{'s' * (keys != 1)}")
    cost = cost_in_words(study, sweep, left, workers)
    loader, config = sweep.hydra_context.config_loader, sweep.config
    shown = 0
    while shown < SHOWN and (trial := take(study, policy)) is not None:
        params = draw(
            study,
            trial,
            sweep.space,
            config.hydra.sweeper,
            lambda overrides: loader.load_sweep_config(config, overrides),
        )
        begun = f", from step {trial.last_step} on" if trial.last_step is not None else ""
        words = params_in_words(params) or "the config as it is"
        say(console, f"{'first' if not shown else '':8}trial {trial.number}{begun}: {words}")
        shown += 1
    if not shown:
        say(console, "first   none: nothing is left to do")
    elif shown < left:
        say(console, f"{'':8}and more; what a sampler draws later follows from what the first ones show")
    say(console, f"cost    {cost}")
    say(console, "dry run nothing was trained and nothing written; the same command without it starts the search")
