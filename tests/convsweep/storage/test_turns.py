"""One worker at a time, wherever it runs; and a dead or a hanging one does not stop the others."""

import multiprocessing
import os
import signal
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import optuna
import pytest

from convsweep.storage import turns
from convsweep.storage.turns import in_turn
from tests.helpers.crowd import open_study

FORK = multiprocessing.get_context("fork")


def hold(storage: str | None, folder: Path, seconds: float) -> tuple[BaseProcess, float]:
    """Let another process take its turn for so long; return it once it has."""
    held = FORK.SimpleQueue()

    def work() -> None:
        with in_turn(open_study(storage, folder)):
            held.put(time.monotonic())
            time.sleep(seconds)

    process = FORK.Process(target=work)
    process.start()
    return process, held.get()


def test_turns_do_not_overlap(storage: str | None, tmp_path: Path) -> None:
    study = open_study(storage, tmp_path)
    process, since = hold(storage, tmp_path, 0.5)
    with in_turn(study):
        assert time.monotonic() - since >= 0.45
    process.join()


def test_a_killed_holder_blocks_nobody(storage: str | None, tmp_path: Path) -> None:
    study = open_study(storage, tmp_path)
    process, _ = hold(storage, tmp_path, 60)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    began = time.monotonic()
    with in_turn(study):
        assert time.monotonic() - began < 1
    process.join()


def test_one_that_hangs_is_passed_by(storage: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 0.3)
    study = open_study(storage, tmp_path)
    process, _ = hold(storage, tmp_path, 60)
    began = time.monotonic()
    with in_turn(study):
        assert 0.2 < time.monotonic() - began < 1
        study.set_user_attr("alive", True)
    process.kill()
    process.join()


def test_behind_a_proxy_a_study_of_the_turns_name_is_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    storage = optuna.storages.InMemoryStorage()
    with turns._proxy_turn(storage, "s:turn"):
        assert [study.study_name for study in storage.get_all_studies()] == ["s:turn"]
        monkeypatch.setattr(turns, "SILENCE", 0.2)
        began = time.monotonic()
        with turns._proxy_turn(storage, "s:turn"):
            assert time.monotonic() - began > 0.2, "it takes the other one for dead"
    assert storage.get_all_studies() == []
