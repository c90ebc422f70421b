"""Time until a trial has reached a validation accuracy: ours against Optuna's TPE with its Hyperband pruner, in turn.

    python -m benchmarks.race [seeds] [accuracy]

The space is that of `benchmarks.sweep`, with 40 trials of 8 epochs and two workers. The clock runs from the start of
the command to the first epoch whose validation accuracy is high enough; then the sweep is stopped. Prints a
Markdown table.
"""

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.sweep import ROOT, SPACE

FIXED = [
    "dataset=fashion_mnist", "dataset.limit=8000", "training.epochs=8", "hydra.sweeper.n_trials=40",
    "hydra.sweeper.n_jobs=2", "hydra.sweeper.study_name=race",
]  # fmt: skip
HYPERBAND = ["hydra/sweeper/scheduler=none", "hydra/sweeper/pruner=hyperband", "hydra.sweeper.pruner.min_resource=1"]
WAYS = {"TPE, Hyperband pruner": HYPERBAND, "pause and promote": ["hydra/sweeper/scheduler=asha"]}
POLL = 0.25  # seconds between two looks at the journal


def race(overrides: list[str], seed: int, accuracy: float) -> tuple[float, int]:
    """Return the seconds until the accuracy was reached, NaN if never, and the epochs trained till then."""
    command = [sys.executable, "-m", "src.sweep", "-m", *SPACE, *FIXED, *overrides, f"seed={seed}"]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        started = time.perf_counter()
        with Path(folder, "log").open("w") as log:
            process = subprocess.Popen(
                command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=log, stderr=log
            )
        journal, read, epochs = Path(folder, "multirun/race/journal.log"), 0, 0
        while process.poll() is None:
            time.sleep(POLL)
            if not journal.exists():
                continue
            with journal.open() as file:
                file.seek(read)
                lines = file.read()
            whole = lines.rfind("\n") + 1
            read += len(lines[:whole].encode())
            for entry in map(json.loads, lines[:whole].splitlines()):
                if "intermediate_value" in entry:
                    epochs += 1
                    if entry["intermediate_value"] >= accuracy:
                        seconds = time.perf_counter() - started
                        for _ in range(2):  # the second one ends it at once
                            with contextlib.suppress(ProcessLookupError):
                                process.send_signal(signal.SIGINT)
                            time.sleep(0.5)
                        process.wait()
                        return seconds, epochs
        if process.returncode:
            sys.exit(Path(folder, "log").read_text())
        return float("nan"), epochs


def main(seeds: int, accuracy: float) -> None:
    measured: dict[str, list[float]] = {way: [] for way in WAYS}
    print(f"| seed | way | seconds to {accuracy:g} | epochs |\n| ---: | --- | ---: | ---: |", flush=True)
    for seed in range(seeds):
        for way, overrides in WAYS.items():
            seconds, epochs = race(overrides, seed, accuracy)
            measured[way].append(seconds)
            print(f"| {seed} | {way} | {seconds:.0f} | {epochs} |", flush=True)
    for way, times in measured.items():
        reached = sorted(float("inf") if seconds != seconds else seconds for seconds in times)
        print(
            f"| median (range) | {way} | {statistics.median(reached):.0f} ({reached[0]:.0f} to {reached[-1]:.0f}) | |"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5, float(sys.argv[2]) if len(sys.argv) > 2 else 0.88)
