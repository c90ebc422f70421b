"""What keeping the record of a trial costs, in seconds a trial: the calls that it waits for, and their delivery.

    python -m benchmarks.tracking [trials]

Trains the default CNN on the digits for 10 epochs, several times in one process, as trials of a study, and prints the
medians over all trials but the first, which imports MLflow. The model is kept in each: the dearest case.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
from hydra import compose, initialize_config_dir

from convsweep.workers.trial import TrialHandle, set_current_trial
from src.config import register, settings
from src.process import quiet_native_stderr

with quiet_native_stderr():
    from src import trial
    from src.tracking import Courier, StudyRun, TrialRun, courier, open_store

ROOT = Path(__file__).parent.parent
spent: dict[str, float] = {}


def timed(name: str, function: Callable[..., Any], clock: Callable[[], float]) -> Callable[..., Any]:
    """Add up the time that a function takes under its name."""

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        started = clock()
        try:
            return function(*args, **kwargs)
        finally:
            spent[name] = spent.get(name, 0.0) + clock() - started

    return wrapper


def main(trials: int) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = settings(compose("config"))
    post = courier(config.tracking.experiment, None)
    study = optuna.create_study(direction="maximize")
    StudyRun(open_store(config.tracking.experiment, None), "study", "command").take_driver("")
    for name in ("__init__", "log_metrics", "log_figure", "log_text", "log_table", "log_model", "end"):
        setattr(TrialRun, name, timed(f"TrialRun.{name}", getattr(TrialRun, name), time.perf_counter))
    delivery = "in the background (processor time)"
    setattr(Courier, "_deliver", timed(delivery, getattr(Courier, "_deliver"), time.thread_time))  # noqa: B009, B010
    rows: list[dict[str, float]] = []
    for number in range(trials):
        spent.clear()
        set_current_trial(TrialHandle(study.ask(), 0, Path.cwd() / f"trial-{number:04d}"))
        trial.run(config)
        post.flush()
        rows.append(dict(spent))
    print("| call | seconds a trial, median |\n| --- | ---: |")
    for name in rows[-1]:
        if name != delivery:
            print(f"| {name} | {statistics.median(row[name] for row in rows[1:]):.4f} |")
    print(f"| **all** | {statistics.median(sum(row.values()) - row[delivery] for row in rows[1:]):.4f} |")
    print(f"| {delivery} | {statistics.median(row[delivery] for row in rows[1:]):.4f} |")


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        main(count)
