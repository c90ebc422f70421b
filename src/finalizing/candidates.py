"""Which trials of a study are worth being trained again, and with which command they were trained."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from convsweep.display import error_in_words
from convsweep.errors import UserError
from convsweep.study import SOURCE, leaders
from src.process import program

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

# What the sweep of the repeats has otherwise than the one before: it searches nothing.
REPLACED = (
    "hydra.mode", "hydra.sweep.dir", "hydra.sweeper.study_name", "hydra.sweeper.storage", "hydra.sweeper.confirm",
    "hydra.sweeper.enqueue", "hydra.sweeper.warm_start_from", "hydra.sweeper.on_change",
)  # fmt: skip


def find_candidates(study: "Study", top: int, trial: int | None = None) -> "list[FrozenTrial]":
    """Return the best trials of different params, `top` of them at most; of several objectives the Pareto front.

    Args:
        study: The study.
        top: How many.
        trial: The number of the one that is wanted, None for the best.

    Raises:
        UserError: There are none, or that one is none.
    """
    if source := study.user_attrs.get(SOURCE):
        raise UserError(f"{study.study_name} is itself what was made of {source}; type {program('finalize')} {source}")
    best = leaders(study)
    if not best:
        raise UserError(_why_none(study))
    if trial is None:
        return best[: None if len(study.directions) > 1 else top]
    known = {one.number: one for one in study.get_trials(deepcopy=False) if one.state.name == "COMPLETE"}
    if trial not in known:
        there = ", ".join(str(one.number) for one in best[:10])
        raise UserError(
            f"--trial must be one of {study.study_name} that was trained to its end, got {trial}; the best are {there}"
        )
    return [known[trial]]


def _why_none(study: "Study") -> str:
    trials = study.get_trials(deepcopy=False)
    counts = Counter(trial.state.name for trial in trials)
    words = ", ".join(f"{counts[state]} {state}" for state in sorted(counts)) or "none at all"
    said = next((text for trial in trials if trial.state.name == "FAIL" and (text := error_in_words(trial))), None)
    why = f"; trial {next(t.number for t in trials if t.state.name == 'FAIL')} said: {said}" if said else ""
    return (
        f"the study {study.study_name} has no trial that was trained to its end and kept its constraints ({words})"
        f"{why}; repeat its sweep's command to go on with it"
    )


def typed_overrides(directory: Path) -> list[str]:
    """Return what was typed for the sweep of a study, as far as the training of its trials follows from it.

    Raises:
        UserError: Its folder does not say it any more.
    """
    overrides = _hydra_of(directory, "overrides")
    typed: Sequence[str] = [*overrides["hydra"], *overrides["task"]]
    return [override for override in typed if override.split("=")[0].lstrip("+") not in REPLACED]


def search_overrides(directory: Path) -> list[str]:
    """Return the arguments of a study's sweep, as they were typed.

    Raises:
        UserError: Its folder does not say them any more.
    """
    overrides, folder = _hydra_of(directory, "overrides"), config_folder(directory)
    typed = [*overrides["task"], *overrides["hydra"]]
    where = ["--config-dir", folder] if folder else []
    return [*where, "-m", *(one for one in typed if one.split("=")[0] not in ("hydra.mode", "hydra.sweeper.on_change"))]


def config_folder(directory: Path) -> str | None:
    """Return the `--config-dir` that was typed for the sweep of a study, None if there was none.

    Raises:
        UserError: Its folder does not say it any more.
    """
    sources = _hydra_of(directory, "runtime").get("config_sources") or []
    return next((source["path"] for source in sources if source.get("provider") == "command-line"), None)


def _hydra_of(directory: Path, part: str) -> dict[str, Any]:
    file = directory / "multirun.yaml"
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))["hydra"][part]
        assert isinstance(found, dict)
        return found
    except (OSError, TypeError, KeyError, AssertionError, yaml.YAMLError) as error:
        raise UserError(
            f"{file} must say how the study's trials are trained, and cannot be read ({type(error).__name__}); its "
            "sweep's command, typed once more, writes it again and trains nothing"
        ) from error
