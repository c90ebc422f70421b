"""The keys of `hydra.sweeper`."""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

# The class of the official Optuna sweeper, which most configs that were written for it name.
OFFICIAL = "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper"
OFFICIAL_OPTION = "optuna"  # of hydra/sweeper


@dataclass
class ConvsweepConf:
    """The keys of `hydra.sweeper`; names and meanings follow the official Optuna sweeper where it has them."""

    defaults: list[Any] = field(
        default_factory=lambda: [{"sampler": "tpe"}, {"pruner": "successive_halving"}, {"scheduler": "none"}]
    )
    _target_: str = "hydra_plugins.hydra_convsweep.sweeper.ConvsweepSweeper"
    # The sampler, the pruner and the callbacks are made where they are used, not by Hydra with the sweeper.
    _recursive_: bool = False

    # `minimize` or `maximize`, or a list of them, one for each value that the task function returns.
    direction: Any = "minimize"

    # What each of those values is called where it is shown, in their order; the task function may return a mapping
    # from these names. null: value.
    metric_names: Any = None

    # Whether to show the space, the first configurations and what they may cost, and to run and write nothing.
    dry_run: bool = False

    # How many trials the study ends with, whatever their state; those of earlier runs of it count. null: 20, or
    # as many as the budget has room for.
    n_trials: int | None = None

    # What the search may cost: `40trials`, `300epochs` of all trials together, or a time, `1h30min`. At its end the
    # best trial is trained to its own end. What earlier runs of the study used counts. null: see n_trials.
    budget: Any = None

    # The last part of the budget: `3x2` trains the three best again, each with two fresh seeds, and their means decide.
    # null: the best value decides.
    confirm: str | None = None

    # How many steps (epochs) a whole trial has, as far as known; a scheduler and a budget plan with it.
    max_resource: int | None = None

    # After so many seconds, or a time such as 1h30min, no new trial starts. null: no limit.
    timeout: Any = None

    # After so many seconds, or a time such as 10min, a trial is stopped by force, and fails. null: no limit.
    trial_timeout: Any = None

    # A value of the objective at which the sweep ends.
    target: float | None = None

    # The sweep ends when the best value has not moved for that many finished trials.
    patience: int | None = None

    # The sweep ends when more than this part of its trials have failed, counted from the tenth on.
    max_failure_rate: float | None = None

    # The sweep ends when so many trials in a row have failed.
    max_consecutive_failures: int | None = None

    # Worker processes. null: one a core that this machine grants; never more than there are trials left.
    n_jobs: int | None = None

    # Where `n_jobs` is null and this machine has GPUs: at most so many workers for each, and 3 GB of its memory for
    # each of them; for an app that trains on GPUs. null: GPUs do not count.
    workers_per_gpu: int | None = None

    # null: derived from the searched keys and the fixed overrides, so that the same command is the same study.
    study_name: str | None = None

    # null: a journal file in `hydra.sweep.dir`. Else a journal's path (*.log), a database's address, without a
    # password, or grpc://host:port.
    storage: str | None = None

    # For so many seconds, or a time such as 10min, a worker waits for a database that does not answer, with growing
    # pauses.
    storage_patience: Any = 600

    # Seconds between two signs of life of a running trial in a database; after three without one it waits again.
    heartbeat: Any = 30

    # When the study exists with another space or other settings: `error` shows the difference, `continue` goes on
    # with what is now asked for, `new` starts a study of the next name beside it.
    on_change: str = "error"

    # Of the study; a trial's own seed is derived from it and the trial's number. null: drawn once, kept.
    seed: int | None = None

    # `own`: each trial's seed is derived from the study's and its number. `common`: all have the same, so that what
    # differs between two trials is their values alone. null: see docs/sweeper.md.
    trial_seeds: str | None = None

    # What to search, in the syntax of the command line: key -> "a,b", "range(1,9)", "interval(0,1)", ...
    params: dict[str, Any] = field(default_factory=dict)

    # Keys that exist only when others have certain values: key -> "other=value,value", or a list of such.
    conditions: dict[str, Any] = field(default_factory=dict)

    # Dotted path of a function (config, trial) that suggests more values to a trial, with Optuna's own methods.
    custom_search_space: str | None = None

    # Configurations to try first, each searched key -> value; keys left out are drawn.
    enqueue: list[Any] = field(default_factory=list)

    # Whether a drawn search tries what the config itself describes, as far as that lies in the space, after those.
    try_defaults: bool = True

    # An earlier study, by its name or its folder, or a list of them: their best trials are tried first, and samplers
    # learn from all of them.
    warm_start_from: Any = None

    # Whether a drawn combination that has been run already is drawn anew.
    skip_duplicates: bool = True

    # Modules that are imported once on each machine, before its workers are forked from that process. Empty: each
    # worker is a process of its own from the start, and imports what it needs.
    preload: list[str] = field(default_factory=list)

    # How often a trial whose worker died is run again.
    max_retries: int = 2

    # Whether the trials that have failed are run again, as new ones with the same values, beside `n_trials`: once what
    # failed them is mended. Those that are infeasible or diverged are not.
    retry_failed: bool = False

    # Subclasses of StudyCallback, by any name, each a `_target_`.
    callbacks: dict[str, Any] = field(default_factory=dict)

    # What draws a trial's values, with Optuna's arguments: an option of hydra/sweeper/sampler.
    sampler: Any = MISSING

    # What ends a trial early for ever: an option of hydra/sweeper/pruner.
    pruner: Any = MISSING

    # What lets trials pause and go on: an option of hydra/sweeper/scheduler.
    scheduler: Any = MISSING


@dataclass
class HydraConf(ConvsweepConf):
    """What a config is merged into: it takes what the official sweeper's configs have as well, which is refused with
    what to write instead.
    """

    search_space: Any = None
    storage: Any = None


@dataclass
class OptunaConf(HydraConf):
    """The official sweeper's option where that one is not installed: a sweep with it says what to type instead."""

    _target_: str = OFFICIAL
