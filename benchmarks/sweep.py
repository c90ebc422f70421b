"""Wall time and best accuracy of one search, three ways in turn: by hand, convsweep, convsweep with pruning.

    python -m benchmarks.sweep [rounds]

Each round has a seed of its own; prints a Markdown table of each run and the medians.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
SPACE = [
    "optimizer=adam,rmsprop,sgd",
    "optimizer.learning_rate=tag(log,interval(1e-4,3e-2))",
    "model.filters=16,32",
    "model.depth=range(1,4)",
    "model.dropout=interval(0,0.5)",
    "model.batch_norm=true,false",
]
FIXED = ["dataset=fashion_mnist", "dataset.limit=8000", "training.epochs=8", "hydra.sweeper.n_trials=16"]
CONVSWEEP = ["-m", "src.sweep", "-m", *SPACE, *FIXED]
WAYS = {
    "by hand, one process": ["-m", "benchmarks.handwritten"],
    "convsweep, no pruning": [*CONVSWEEP, "hydra/sweeper/pruner=none"],
    "convsweep, pruning": [*CONVSWEEP, "hydra/sweeper/pruner=successive_halving"],
}


def measure(command: list[str], seed: int) -> tuple[float, float]:
    """Run a command in an empty folder; return its wall time in seconds and the best accuracy it printed."""
    seeded = [f"seed={seed}"] if "src.sweep" in command else []
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SEED": str(seed)}
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, *command, *seeded],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - started
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
        results = list(Path(folder).glob("multirun/*/optimization_results.yaml"))
        text = results[0].read_text() if results else done.stdout
    found = re.search(r"best(?:_value:)? ([\d.]+)", text)
    assert found, done.stdout
    return seconds, float(found[1])


def main(rounds: int) -> None:
    measured: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    print("| round | way | wall, s | best validation accuracy |\n| ---: | --- | ---: | ---: |", flush=True)
    for seed in range(rounds):
        for way, command in WAYS.items():
            seconds, best = measure(command, seed)
            measured[way].append((seconds, best))
            print(f"| {seed} | {way} | {seconds:.0f} | {best:.4f} |", flush=True)
    for way, runs in measured.items():
        seconds, best = (statistics.median(column) for column in zip(*runs, strict=True))
        print(f"| median | {way} | {seconds:.0f} | {best:.4f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
