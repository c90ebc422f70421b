"""What a study is doing, read from its storage alone: a look at it from any process, which changes nothing."""

import os
import socket
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from convsweep.display.summary import show_best, show_failures, show_findings
from convsweep.display.words import WORDS, domain_in_words, goals_in_words, params_in_words, say, state_of, time_left
from convsweep.policy.asha import pauses
from convsweep.policy.work import WORKER, is_running, seconds_of
from convsweep.storage.address import is_local
from convsweep.study.identity import IDENTITY

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial
from convsweep.storage.driver_lock import driver_of
from convsweep.study.finding import find_studies, find_study, place_of


def show_studies(folder: Path, storage: str | None, console: Console) -> None:
    """Print a line for each study in the storage, or in the journals of the folders in `folder`, the latest first.

    Where a study's name does not lead to it, its folder does.

    Raises:
        UserError: The storage cannot be read.
    """
    none = True
    for study, directory in find_studies(folder, storage):  # the first is seen before the last is read
        none = False
        driver = driver_of(directory)
        who = f"; process {driver} runs it" if driver else ""
        where = "" if directory == place_of(study.study_name, folder) else f" in {directory}"
        say(console, f"{study.study_name}{where}: {_counts(study, driver)}{who}")
    if none:
        say(console, f"no studies in {storage or folder}")


def show_status(name: str, folder: Path, storage: str | None, console: Console, *, looking_back: bool = True) -> bool:
    """Print what a study is, where it stands, who runs which of its trials, its best ones, and what mattered.

    Args:
        name: The study's name, or its own folder where that is not in `folder`.
        folder: Where the studies' folders are.
        storage: As in `hydra.sweeper.storage`, None for the journal in the study's own folder.
        console: Where to print.
        looking_back: Whether what mattered is worth its time.

    Returns:
        Whether there may be more to see later: somebody runs it, or may.

    Raises:
        UserError: There is no such study; lists those that there are.
    """
    study, directory = find_study(name, folder, storage), place_of(name, folder)
    _show(study, directory, is_local(storage), console)
    if looking_back:
        from convsweep.insight import look_back  # which needs NumPy

        show_findings(look_back(study), console)
    return driver_of(directory) is not None if is_local(storage) else _left(study)


def _show(study: "Study", directory: Path, local: bool, console: Console) -> None:
    directions = goals_in_words(study)
    space = study.user_attrs.get(IDENTITY, {}).get("space", {})
    say(console, f"study    {study.study_name}: {directions}, in {os.path.relpath(directory)}")
    say(
        console, f"space    {'  '.join(f'{key} {domain_in_words(words)}' for key, words in space.items()) or 'nothing'}"
    )
    driver = driver_of(directory)
    say(console, f"trials   {_counts(study, driver)}")
    running = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "RUNNING"]
    if driver or not local:
        left = _time_left(study.get_trials(deepcopy=False), len(running))
        who = f"process {driver} runs it" if driver else "not known: the storage is a database"
        say(console, f"driver   {who}" + (f"; about {left} left" if left else ""))
    else:
        say(console, "driver   none" + ("; its trials wait for the command that started it" if _left(study) else ""))
    for trial in running:
        if _is_lost(trial, driver):
            say(console, f"interrupted {_line(trial, runs=False)}")
        else:
            say(console, f"running  {_line(trial)}")
    show_best(study, console)
    show_failures(study, console)


def _is_lost(trial: "FrozenTrial", driver: str | None) -> bool:
    """Whether a trial that is running by its study's word was killed with its driver: its process was one of here."""
    if driver is not None or trial.state.name != "RUNNING" or WORKER not in trial.system_attrs:
        return False
    host, pid = trial.system_attrs[WORKER][:2]
    return host == socket.gethostname() and not is_running(pid)


def _counts(study: "Study", driver: str | None) -> str:
    trials = study.get_trials(deepcopy=False)
    counts = Counter("LOST" if _is_lost(trial, driver) else state_of(trial) for trial in trials)
    words = {"WAITING": "waiting", "RUNNING": "running", "LOST": "interrupted", **WORDS}
    return ", ".join(f"{counts[state]} {word}" for state, word in words.items() if counts[state]) or "none yet"


def _left(study: "Study") -> bool:
    return any(not trial.state.is_finished() for trial in study.get_trials(deepcopy=False))


def _time_left(trials: "list[FrozenTrial]", workers: int) -> str | None:
    """Estimate the time left from the trials so far, with as many workers as are at work now."""
    ended = [trial for trial in trials if trial.state.is_finished()]
    seconds = sum(map(seconds_of, trials))
    paused = sum(map(pauses, trials))
    if len(ended) + paused <= workers:  # what starts up first tells nothing of the others
        return None
    return time_left(len(ended) + paused, len(trials) - len(ended) - paused, seconds / max(1, workers))


def _line(trial: "FrozenTrial", runs: bool = True) -> str:
    words = f"trial {trial.number}"
    if runs and WORKER in trial.system_attrs:
        host, pid, since = trial.system_attrs[WORKER][:3]
        words += f" on {host}, process {pid}, for {timedelta(seconds=round(time.time() - since))}"
    if trial.last_step is not None:
        words += f", step {trial.last_step}: {trial.intermediate_values[trial.last_step]:.5g}"
    return "; ".join(filter(None, [words, params_in_words(trial.params)]))
