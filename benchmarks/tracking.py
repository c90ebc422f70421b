"""What keeping the record of a trial costs: MLflow's calls and the pictures, in seconds a trial.

    python -m benchmarks.tracking [trials]

Trains the default CNN on the digits for 10 epochs, several times in one process, and prints the medians over all
trials but the first, which imports MLflow and makes its database. The best model is kept in each: the dearest case.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir

from src.config import register, settings
from src.quiet import quiet_native_stderr

with quiet_native_stderr():
    from src import trial
    from src.tracking import TrialRun

ROOT = Path(__file__).parent.parent
spent: dict[str, float] = {}


def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Add up the time that a function takes under its name."""

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            spent[name] = spent.get(name, 0.0) + time.perf_counter() - started

    return wrapper


def main(trials: int) -> None:
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = settings(compose("config"))
    for name in ("__init__", "log_metrics", "log_figure", "log_text", "log_table", "log_model", "end"):
        setattr(TrialRun, name, timed(f"TrialRun.{name}", getattr(TrialRun, name)))
    for name in ("learning_curves", "confusion_matrix", "open_store"):
        setattr(trial, name, timed(name, getattr(trial, name)))
    rows: list[dict[str, float]] = []
    for _ in range(trials):
        spent.clear()
        trial.run(config)
        rows.append(dict(spent))
    print("| call | seconds a trial, median |\n| --- | ---: |")
    for name in rows[-1]:
        print(f"| {name} | {statistics.median(row[name] for row in rows[1:]):.3f} |")
    print(f"| **all** | {statistics.median(sum(row.values()) for row in rows[1:]):.3f} |")


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        main(count)
