"""What a name means in a tracking store: a run, or a version of a registered model; what is said of an unknown one."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from convsweep.errors import UserError, nearest
from convsweep.storage import folder_name
from convsweep.study import SOURCE, find_study
from src.config.objective import directions, objectives
from src.deployment.kept import ModelNotFound
from src.process import program
from src.tracking import CHAMPION, FINAL, NOT_KEPT, Lookup, NotHere, Run, Version

STUDIES = Path("multirun")
RUN_ID = re.compile(r"[0-9a-f]{32}")
TRIAL = re.compile(r"(?:trial[-_])?0*(\d+)")
SHOWN = 8  # names of a kind in a message


class Names:
    """The names that a store knows."""

    def __init__(self, lookup: Lookup, uri: str) -> None:
        self._lookup, self._uri = lookup, uri

    def find(self, name: str, kept: bool) -> Run | Version:
        """Return what a name means; of a study its best trial's run, one with a kept model if it must be `kept`.

        Of the study that trained the best of another one again it is what was made of that: see `_finals_of`.

        Raises:
            ModelNotFound: It means nothing; the message lists the nearest names.
        """
        if RUN_ID.fullmatch(name):
            if (run := self._lookup.run(name)) is None:
                raise ModelNotFound(f"there is no run {name} at {self._uri}")
            return self._best_of(run.study, kept) if run.is_study and run.study and not run.model_id else run
        if name == CHAMPION:
            return self._champion()
        studies = self._lookup.studies()
        if (study := _named(name, studies)) is not None:
            return self._best_of(study, kept)
        head, _, tail = name.rstrip("/").rpartition("/")
        number = TRIAL.fullmatch(tail)
        if head and number and (study := _named(head, studies)) is not None:
            return self._trial_of(study, int(number[1]))
        if head and (study := _named(head, studies)) is not None and (final := self._final_called(study, tail)):
            return final
        if (version := self.registered(name)) is not None:
            return version
        if called := self._lookup.called(name):
            return called[0]
        raise ModelNotFound(self.unknown(name, head if head and number else name, studies))

    def _finals_of(self, study: str) -> list[Run]:
        """Return what `src.finalize` has made in a study of repeats, the latest first."""
        source = study.removesuffix(FINAL)
        own = next((run for run in self._lookup.runs(study) if run.is_study), None) if source != study else None
        if own is None:
            return []
        return [run for run in self._lookup.runs(source) if run.is_final and run.parent == own.run_id and run.model_id]

    def _winner(self, finals: list[Run]) -> Run:
        """Return the one that is the champion, else the latest."""
        crowned = {version.run_id for version in self._lookup.versions() if CHAMPION in version.aliases}
        return next((run for run in finals if run.run_id in crowned), finals[0])

    def _final_called(self, study: str, title: str) -> Run | None:
        repeats = study if study.endswith(FINAL) else f"{study}{FINAL}"
        return next((run for run in self._finals_of(repeats) if run.title == title), None)

    def _best_of(self, study: str, kept: bool) -> Run:
        if finals := self._finals_of(study):
            return self._winner(finals)
        trials = [run for run in self._lookup.runs(study) if run.trial is not None]
        latest = [run for run in trials if run.parent == trials[0].parent]  # there may be several studies of that name
        if with_model := [run for run in latest if run.model_id]:
            return self._best(with_model)
        if not kept and (done := [run for run in latest if "objective" in run.metrics]):
            return self._best(done)
        raise ModelNotFound(self._why_none_is_kept(study, latest))

    def _best(self, kept: list[Run]) -> Run:
        """Return the run whose objective is best; a study that runs has kept those that were the best for a while."""
        valued = [run for run in kept if "objective" in run.metrics]
        if len(kept) == 1 or not valued:
            return kept[0]
        sign = -1.0 if self._maximizes(valued[0]) else 1.0
        return min(valued, key=lambda run: (sign * run.metrics["objective"], run.metrics.get("best_val_loss", 0.0)))

    def _maximizes(self, run: Run) -> bool:
        import yaml

        try:
            config = yaml.safe_load(self._lookup.fetch(run.artifacts, "config.yaml").read_text())
            return directions(objectives(config["objective"]))[0] == "maximize"
        except (NotHere, OSError, KeyError, TypeError, ValueError):
            return True

    def _trial_of(self, study: str, number: int) -> Run:
        runs = self._lookup.runs(study)
        own = [run for run in runs if run.trial == number]
        if not own:
            numbers = sorted({run.trial for run in runs if run.trial is not None})
            there = f"0 to {numbers[-1]}" if numbers else "none yet"
            raise ModelNotFound(f"study {study} has no trial {number}; its trials are {there}")
        return next((run for run in own if run.model_id), own[0])

    def instead_of(self, run: Run) -> str:
        if why := self._why_not_kept(run):
            return f": it {why}"
        if run.study is None or run.trial is None:
            return ": it did not get to its end, or its model has been deleted"
        if self._finals_of(run.study):
            return f": of the trials that were trained again one is made the model; type {run.study}"
        kept = [other for other in self._lookup.runs(run.study) if other.trial is not None and other.model_id]
        there = f"; type {run.study}/{self._best(kept).trial}" if kept else ""
        return f": a study keeps that of its best trial{there}"

    def _why_not_kept(self, run: Run) -> str | None:
        """Say why a run's model could not be kept; None if it was not tried, or could be."""
        try:
            said = self._lookup.fetch(run.artifacts, f"{NOT_KEPT}.txt").read_text(encoding="utf-8")
        except (NotHere, OSError):
            return None
        return f"could not be kept: {said.strip()}"

    def _champion(self) -> Version:
        champions = [version for version in self._lookup.versions() if CHAMPION in version.aliases]
        if not champions:
            known = sorted({version.name for version in self._lookup.versions()})
            there = f"; registered are {_some(known)}" if known else ": no model is registered"
            raise ModelNotFound(f"there is no champion at {self._uri}{there}")
        if len(champions) > 1:
            names = ", ".join(f"{version.name}@{CHAMPION}" for version in champions[:SHOWN])
            raise ModelNotFound(f"there are {len(champions)} champions; type one of {names}")
        return champions[0]

    def registered(self, name: str) -> Version | None:
        """Return a version by `name`, `name@alias` or `name/version`; of a name alone the champion, or the latest."""
        versions = self._lookup.versions()
        if own := [version for version in versions if version.name == name]:
            return next((version for version in own if CHAMPION in version.aliases), own[0])
        for version in versions:
            if name in (f"{version.name}/{version.version}", *(f"{version.name}@{a}" for a in version.aliases)):
                return version
        return None

    def _why_none_is_kept(self, study: str, trials: list[Run]) -> str:
        """Say how a study stands that has no kept model."""
        refused = [run for run in trials if "objective" in run.metrics and self._why_not_kept(run)]
        if refused:
            best = self._best(refused)
            return f"study {study} has no kept model: that of trial {best.trial} {self._why_not_kept(best)}"
        if (known := _state_of(study)) is not None:
            return known
        return f"study {study} has no kept model at {self._uri}: no trial of it has ended well, or it was deleted"

    def unknown(self, name: str, wanted: str, studies: list[str]) -> str:
        if (known := _state_of(wanted)) is not None:
            return known
        registered = sorted({version.name for version in self._lookup.versions()})
        files = sorted(str(path) for path in Path().glob("*.keras"))
        kinds = {"studies": studies, "registered models": registered, "files": files}
        there = "; ".join(f"{kind}: {_some(names)}" for kind, names in kinds.items() if names)
        close = nearest(wanted, [*studies, *registered, *files, CHAMPION])
        meant = f"; did you mean {close}{name[len(wanted) :]}?" if close else ""
        return f"no study, trial, registered model, run or file is called {name}; there are {there or 'none'}{meant}"


def _named(name: str, studies: Iterable[str]) -> str | None:
    """Return the study of that name, or with that folder."""
    known = list(studies)
    if name in known:
        return name
    folder = Path(os.path.normpath(name)).name if os.sep in name else None
    return next((study for study in known if folder is not None and folder_name(study) == folder), None)


def _state_of(name: str) -> str | None:
    """Say how a study stands by its own storage; None where there is none of that name."""
    try:
        study = find_study(name, STUDIES, None)
    except UserError:
        return None
    if source := study.user_attrs.get(SOURCE):
        return (
            f"study {study.study_name} trains the best of {source} again, and no model is made of that yet; "
            f"{program('finalize')} {source} makes it"
        )
    states = [trial.state.name for trial in study.get_trials(deepcopy=False)]
    if "COMPLETE" in states:
        return (
            f"study {study.study_name} has {states.count('COMPLETE')} finished trials, but its models are recorded "
            "elsewhere, or have been deleted; name the store with --uri"
        )
    if states and set(states) == {"FAIL"}:
        return f"all {len(states)} trials of study {study.study_name} failed; {program('status')} {name} says why"
    return f"study {study.study_name} has no finished trial yet; {program('status')} {name} says how it stands"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
