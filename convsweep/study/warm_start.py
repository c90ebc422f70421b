"""What a new study takes over from earlier ones: `hydra.sweeper.warm_start_from`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convsweep.errors import UserError, listed
from convsweep.space.space import Space
from convsweep.storage.folder import folder_name
from convsweep.storage.opening import open_storage
from convsweep.study.ranking import ranked

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

JOURNAL = "journal.log"  # in the folder of a study whose storage is not given
EARLIER = "convsweep:earlier:"
STUDY = "convsweep:earlier_study"  # of a recalled trial: which of the earlier studies it is from


def find_earlier(given: str | Sequence[str] | None, storage: str | None, directory: Path, name: str) -> "list[Study]":
    """Open the studies that `hydra.sweeper.warm_start_from` names; none once the study `name` has trials of its own.

    They are in the study's own storage where that is given, else in the journals of the folders beside its own, or of
    a folder that is named by its path.

    Raises:
        UserError: Some do not exist; lists those that do.
    """
    wanted = [given] if isinstance(given, str) else list(given or ())
    if storage is None:  # the journals are found by their folders
        wanted, name = [_folder(other, directory) for other in wanted], directory.name
    known = _names(storage, directory) if wanted else []
    if name in known and _open(name, storage, directory).get_trials(deepcopy=False):
        return []
    earlier = [other for other in known if other != name]
    problems = [
        f"`hydra.sweeper.warm_start_from` must name earlier studies, got {other}; there are {listed(other, earlier)}"
        for other in wanted
        if other not in earlier and not os.path.isabs(other)
    ]
    if problems:
        raise UserError(problems)
    return [_open(other, storage, directory) for other in wanted]


def remember(study: "Study", earlier: "Sequence[Study]", space: Space) -> list[dict[str, Any]]:
    """Keep the earlier studies' trials in the new one's attributes; return the best values of each, to try first.

    A trial is kept when it has a value inside the space for each of its keys, and when both studies optimize
    in the same directions: then a sampler can learn from it. Of the best ones, those values count that agree.
    """
    from optuna.distributions import distribution_to_json

    best: list[dict[str, Any]] = []
    count = 0
    for place, other in enumerate(earlier):
        for trial in other.get_trials(deepcopy=False) if other.directions == study.directions else []:
            params = space.agreeing(trial.params)
            violated = any(violation > 0 for violation in trial.constraints.values())
            if space.missing(params) or not (violated or trial.state.name in ("COMPLETE", "PRUNED")):
                continue
            distributions = {n: p.distribution for n, p in space.parameters.items()}
            kept = {
                "study": place,
                "state": "COMPLETE" if trial.state.name == "COMPLETE" else "PRUNED",
                "values": trial.values,
                "params": params,
                "distributions": {
                    n: distribution_to_json(distributions.get(n, trial.distributions[n])) for n in params
                },
                "intermediate_values": trial.intermediate_values,
                "constraints": trial.constraints,
            }
            study._storage.set_study_system_attr(study._study_id, f"{EARLIER}{count}", kept)
            count += 1
        best += [params for trial in ranked(other)[:1] if (params := space.agreeing(trial.params))]
    return best


def recall(study: "Study") -> "list[FrozenTrial]":
    """Return the trials of earlier studies that the study was started with, under negative numbers."""
    from optuna.distributions import json_to_distribution
    from optuna.trial import TrialState, create_trial

    kept = {k: v for k, v in study._storage.get_study_system_attrs(study._study_id).items() if k.startswith(EARLIER)}
    trials = []
    for i in range(len(kept)):
        fields = kept[f"{EARLIER}{i}"]
        trial = create_trial(
            state=TrialState[fields["state"]],
            values=fields["values"],
            params=fields["params"],
            distributions={name: json_to_distribution(text) for name, text in fields["distributions"].items()},
            intermediate_values={int(step): value for step, value in fields["intermediate_values"].items()},
            constraints=fields["constraints"],
            system_attrs={STUDY: fields.get("study", 0)},
        )
        trial.number = trial._trial_id = i - len(kept)
        trials.append(trial)
    return trials


def study_of(trial: "FrozenTrial") -> int:
    """Return which of the earlier studies a recalled trial is from."""
    return trial.system_attrs[STUDY]


def _folder(given: str, directory: Path) -> str:
    """Return the folder of a study as seen from those beside it: its own name, the study's, or its path are given."""
    beside = directory.parent
    if (beside / folder_name(given) / JOURNAL).exists():
        return folder_name(given)
    if (Path(given) / JOURNAL).exists():
        return os.path.abspath(given)
    return next((name for name in _names(None, directory) if _open(name, None, directory).study_name == given), given)


def _names(storage: str | None, directory: Path) -> list[str]:
    from optuna import get_all_study_names

    if storage is None:
        return sorted(path.parent.name for path in directory.parent.glob(f"*/{JOURNAL}") if path.stat().st_size)
    if "://" not in storage and not Path(storage).exists():
        return []
    return sorted(get_all_study_names(open_storage(storage, directory)))


def _open(name: str, storage: str | None, directory: Path) -> "Study":
    from optuna import get_all_study_names, load_study

    opened = open_storage(storage, directory.parent / name)
    names = get_all_study_names(opened)
    return load_study(study_name=name if name in names else names[0], storage=opened)
