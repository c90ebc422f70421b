"""The best configurations of a study, trained again: is one better than the other, or was it lucky?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

from convsweep.errors import UserError
from convsweep.intervals import ANYWHERE, Mean, mean_of
from convsweep.policy.repeats import REPEATS, is_repeat
from convsweep.storage.opening import open_storage
from convsweep.study.identity import IDENTITY
from convsweep.study.metric_names import metric_names, name_metrics
from convsweep.study.optuna_logging import quieten_optuna
from convsweep.study.ranges import ranges_of
from convsweep.study.ranking import mean_tie_break, ranked
from convsweep.study.trial_states import FIXED

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

SOURCE = "convsweep:source"  # of a study that has repeats alone: the name of the one whose trials they repeat


@dataclass(frozen=True)
class Repeated:
    """A configuration that was trained again.

    Attributes:
        number: Of the trial that was repeated.
        trials: The complete repeats, in the order of their seeds.
        bounds: Of the first objective.
    """

    number: int
    trials: "Sequence[FrozenTrial]"
    bounds: tuple[float, float] = ANYWHERE

    @property
    def params(self) -> Mapping[str, Any]:
        return self.trials[0].params

    def values(self, objective: int = 0) -> dict[int, float]:
        """Return the values of one objective; those of two configurations under the same key have the same seed."""
        return {trial.system_attrs[REPEATS][1]: trial.values[objective] for trial in self.trials}

    @cached_property
    def mean(self) -> Mean:
        """The mean of the first objective."""
        return mean_of(list(self.values().values())).within(self.bounds)

    @property
    def tie_break(self) -> float:
        """What tells it from others of the same mean, the lower the better; infinite where that is not known."""
        return mean_tie_break(self.trials)


def repeated(study: "Study") -> list[Repeated]:
    """Return the configurations that have complete repeats, as `ranked` has them; of several objectives by number."""
    several = len(study.directions) > 1
    complete = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
    groups: dict[int, list[FrozenTrial]] = {}
    for trial in complete if several else ranked(study):
        if is_repeat(trial):
            groups.setdefault(trial.system_attrs[REPEATS][0], []).append(trial)
    bounds = ranges_of(study)[0]
    return [
        Repeated(number, sorted(trials, key=lambda trial: trial.system_attrs[REPEATS][1]), bounds)
        for number, trials in (sorted(groups.items()) if several else groups.items())
    ]


def add_repeats(
    study: "Study", configurations: Mapping[int, Mapping[str, Any]], seeds: int, failed_too: bool = False
) -> None:
    """Let each configuration, by the number of the trial that had it, wait to be trained with so many seeds.

    Those that there are already are not added again, unless they failed and `failed_too` says so.
    """
    from optuna.trial import TrialState, create_trial

    from convsweep.storage.journal import together

    repeats = filter(is_repeat, study.get_trials(deepcopy=False))
    there = {tuple(t.system_attrs[REPEATS]) for t in repeats if not (failed_too and t.state == TrialState.FAIL)}
    waiting = [
        create_trial(state=TrialState.WAITING, system_attrs={FIXED: dict(params), REPEATS: [number, seed]})
        for seed in range(seeds)
        for number, params in configurations.items()
        if (number, seed) not in there
    ]
    study.add_trials(waiting[:1])  # a journal's storage must have seen one that it made, before it cannot see them
    with together(study._storage):
        study.add_trials(waiting[1:])


def open_repeats(
    source: "Study",
    name: str,
    storage: str | None,
    directory: Path,
    configurations: Mapping[int, Mapping[str, Any]],
    seeds: int,
) -> "Study":
    """Create, or take up, a study of its own whose trials train configurations of another one again.

    They wait there for the sweep of that name, which runs them and searches nothing.

    Args:
        source: The other study.
        name: Of the new one.
        storage: As in `hydra.sweeper.storage`, None for a journal in its folder.
        directory: Its folder.
        configurations: The params of trials of `source`, by their numbers.
        seeds: How often each is trained.

    Raises:
        UserError: There is another study of that name.
    """
    import optuna

    quieten_optuna()
    opened = open_storage(storage, directory)
    if name in {study.study_name for study in opened.get_all_studies()}:
        study = optuna.load_study(storage=opened, study_name=name)
    else:
        study = optuna.create_study(storage=opened, study_name=name, directions=source.directions)
        study.set_user_attr(SOURCE, source.study_name)
    if study.user_attrs.get(SOURCE, source.study_name) != source.study_name or not all(
        map(is_repeat, study.get_trials(deepcopy=False))
    ):
        raise UserError(f"the study {name} exists, and does not repeat trials of {source.study_name}")
    # What they were trained with is compared with what the config says now when the sweep takes the study up.
    for key, value in {
        SOURCE: source.study_name,
        IDENTITY: source.user_attrs.get(IDENTITY, {}),
        "seed": crc32(f"repeats of {source.user_attrs.get('seed', 0)}".encode()),
    }.items():
        if study.user_attrs.get(key) != value:
            study.set_user_attr(key, value)
    name_metrics(study, metric_names(source))
    add_repeats(study, configurations, seeds, failed_too=True)
    return study
