"""Many workers in small: processes that start in the same moment and work on one study as the real ones do."""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pytest

from convsweep.policy.policy import Policy
from convsweep.policy.time_budget import FINISH
from convsweep.storage.opening import open_storage
from convsweep.study.trial_states import put_back, take
from convsweep.workers.trial import TrialHandle

STORAGES = ["journal", pytest.param("postgresql", marks=pytest.mark.slow)]
Draw = Callable[[optuna.Study, optuna.trial.FrozenTrial], Any]


OPENED: list[Any] = []  # to be closed at a test's end


@dataclass(frozen=True)
class Share:
    """What one worker did: the trials that it ran, when it took its last one, and when it left."""

    trials: list[int]
    last: float
    left: float


@pytest.fixture(params=STORAGES)
def storage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str | None]:
    """Yield the address of a storage that has the empty study `s`, None for a journal."""
    address = None
    if request.param == "postgresql":
        server = request.getfixturevalue("server")
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        address = server.create(f"s{time.time_ns()}")
    opened = open_storage(address, tmp_path)
    optuna.create_study(study_name="s", storage=opened).set_user_attr("seed", 0)
    OPENED.append(opened)
    yield address
    for opened in OPENED:
        backend: Any = getattr(getattr(opened, "_storage", opened), "_backend", None)
        if hasattr(backend, "engine"):
            backend.engine.dispose()
    OPENED.clear()


def crowd(
    storage: str | None, folder: Path, policy: Policy, steps: int, count: int = 6, draw: Draw | None = None
) -> list[Share]:
    """Let so many processes work on the study `s`, each trial of so many `steps`; return what each of them did."""
    context = multiprocessing.get_context("fork")
    barrier, queue = context.Barrier(count), context.SimpleQueue()

    def work() -> None:
        study = open_study(storage, folder)
        barrier.wait()
        queue.put(_work(study, policy, steps, draw))

    processes = [context.Process(target=work) for _ in range(count)]
    for process in processes:
        process.start()
    shares = [queue.get() for _ in processes]
    for process in processes:
        process.join()
    return shares


def open_study(storage: str | None, folder: Path) -> optuna.Study:
    """Open the study as workers of several machines do."""
    OPENED.append(open_storage(storage, folder, heartbeat=30.0 if storage else None))
    return optuna.load_study(study_name="s", storage=OPENED[-1])


def _work(study: optuna.Study, policy: Policy, steps: int, draw: Draw | None) -> Share:
    trials, last = [], time.monotonic()
    while True:
        finishing = study.user_attrs.get(FINISH, False)
        taken = take(study, policy, finishing)
        if taken is None:
            if policy.is_over(study, finishing):
                return Share(trials, last, time.monotonic())
            time.sleep(0.01)
            continue
        last = time.monotonic()
        trials.append(taken.number)
        if draw is not None:
            draw(study, taken)
        handle = TrialHandle(optuna.Trial(study, taken._trial_id), 0, Path(), policy=policy)
        for step in range(taken.last_step or 0, steps):
            time.sleep(0.001)
            handle.report(((taken.number * 7919) % 101) / (step + 1), step + 1)
            if step + 1 < steps and handle.should_stop():
                break
        if handle.interrupted:
            put_back(study, taken._trial_id)
        else:
            study.tell(taken.number, float(os.getpid() % 100))
