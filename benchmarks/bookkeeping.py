"""What a trial that does nothing costs, and how the cost grows with the trials that a study has.

    python -m benchmarks.bookkeeping [rounds]

Beside ours, Optuna alone: `study.optimize` in one process, on the same kind of journal and in memory. It has no config
to compose, and writes no config, log and folder of each trial.

A study of some size is made by writing finished trials to its journal; then more trials are run. The rate is that of
their second half, when all workers have started.
"""

import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.storages import InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend

from convsweep.storage.journal import together
from convsweep.storage.opening import open_storage
from convsweep.study.optuna_logging import quieten_optuna

ROOT = Path(__file__).parent.parent
SIZES = (10, 1_000, 10_000)
KEYS: dict[str, BaseDistribution] = {"x": FloatDistribution(0, 1), "y": FloatDistribution(0, 1)}


def sweep(folder: Path, n_trials: int, workers: int, sampler: str) -> optuna.Study:
    """Run our sweeper until the study has `n_trials`; return it."""
    search = ["x=interval(0,1)", "y=interval(0,1)", f"hydra/sweeper/sampler={sampler}", "hydra.sweeper.seed=1"]
    search.append("hydra.sweeper.study_name=noop")
    launcher = [f"hydra.sweeper.n_jobs={workers}"] if workers > 1 else ["hydra/launcher=basic"]
    subprocess.run(
        [sys.executable, "-m", "benchmarks.noop", "-m", *search, *launcher, f"hydra.sweeper.n_trials={n_trials}"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return optuna.load_study(study_name="noop", storage=open_storage(None, folder / "multirun/noop"))


def fill(study: optuna.Study, count: int) -> None:
    """Let a study have `count` more finished trials."""
    trials = [
        optuna.create_trial(params={key: random.random() for key in KEYS}, distributions=KEYS, value=random.random())
        for _ in range(count)
    ]
    study.add_trials(trials[:1])
    with together(study._storage):
        study.add_trials(trials[1:])


def rate(study: optuna.Study, done: int) -> float:
    """Return trials a second in the second half of those that follow the first `done`."""
    ends = sorted(trial.datetime_complete for trial in study.trials[done:] if trial.datetime_complete)
    half = ends[len(ends) // 2 :]
    return (len(half) - 1) / (half[-1] - half[0]).total_seconds()


def ours(workers: int, sampler: str) -> Callable[[int, int, Path], float]:
    def measure(done: int, count: int, folder: Path) -> float:
        fill(sweep(folder, 1, 1, sampler), done - 1)
        return rate(sweep(folder, done + count * (1 + workers) // 2, workers, sampler), done)

    return measure


def alone(sampler: str, journal: bool) -> Callable[[int, int, Path], float]:
    def objective(trial: optuna.Trial) -> float:
        trial.suggest_float("y", 0, 1)
        return trial.suggest_float("x", 0, 1)

    def measure(done: int, count: int, folder: Path) -> float:
        storage = open_storage(None, folder) if journal else InMemoryStorage()
        study = optuna.create_study(storage=storage, study_name="alone")
        fill(study, done)
        if journal:
            storage = JournalStorage(JournalFileBackend(str(folder / "journal.log")))
        chosen = optuna.samplers.TPESampler() if sampler == "tpe" else optuna.samplers.RandomSampler()
        study = optuna.load_study(study_name="alone", storage=storage, sampler=chosen)
        study.optimize(objective, n_trials=count)
        return rate(study, done)

    return measure


WAYS = {
    "random": {
        "convsweep, 1 worker": ours(1, "random"),
        "convsweep, 2 workers": ours(2, "random"),
        "convsweep, 8 workers": ours(8, "random"),
        "Optuna alone, journal": alone("random", True),
        "Optuna alone, in memory": alone("random", False),
    },
    "tpe": {
        "convsweep, 1 worker": ours(1, "tpe"),
        "Optuna alone, journal": alone("tpe", True),
        "Optuna alone, in memory": alone("tpe", False),
    },
}


def main(rounds: int) -> None:
    for sampler, ways in WAYS.items():
        found: dict[tuple[str, int], list[float]] = {}
        for _ in range(rounds):
            for size in SIZES:
                for way, measure in ways.items():
                    with tempfile.TemporaryDirectory() as folder:
                        found.setdefault((way, size), []).append(measure(size, 100, Path(folder)))
        head = " | ".join(f"after {size:,} trials" for size in SIZES)
        print(f"\n| {sampler}: trials a second | {head} | slowest..fastest there |")
        print("| --- |" + " ---: |" * (len(SIZES) + 1))
        for way in ways:
            cells = [f"{statistics.median(found[way, size]):.1f}" for size in SIZES]
            last = found[way, SIZES[-1]]
            print(f"| {way} | {' | '.join(cells)} | {min(last):.1f}..{max(last):.1f} |", flush=True)


if __name__ == "__main__":
    quieten_optuna()
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
