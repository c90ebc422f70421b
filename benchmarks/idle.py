"""How much of the workers' time no trial runs, where trials take very unequal times: ours beside a scheme of batches.

    python -m benchmarks.idle [rounds]

Two workers and 40 trials that sleep, 1 s in the median, log-normal with sigma 1. The official Optuna sweeper for Hydra
launches batches of `n_jobs` trials and waits for the slowest of each. Its release, 1.3.0, does not install beside
Optuna 5; Hydra's basic sweeper with `max_batch_size` does the same with a given list of trials: here those that ours
has just drawn.

Start-up is what passes until both workers run their first trial. From then on, the idle share is counted until the last
trial starts, when all that is left is one trial a worker, and until the last one ends.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
WORKERS, TRIALS = 2, 40
OURS = ["x=interval(0,1)", "hydra/sweeper/sampler=random", f"hydra.sweeper.n_trials={TRIALS}"]
BATCHES = ["hydra/sweeper=basic", f"hydra.sweeper.max_batch_size={WORKERS}", f"hydra.launcher.n_jobs={WORKERS}"]


def run(folder: Path, *overrides: str) -> tuple[list[str], list[float]]:
    """Run trials; return their `x`, and start-up in s, idle share until the last start, until the end, whole time."""
    began = time.time()
    subprocess.run(
        [sys.executable, "-m", "benchmarks.noop", "-m", "median=1", *overrides],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    seconds = time.time() - began
    lines = [line.split() for line in (folder / "spans.txt").read_text().splitlines()]
    spans = [(float(start), float(end)) for _, _, start, end in lines]
    ready = max(min(float(line[2]) for line in lines if line[0] == pid) for pid in {line[0] for line in lines})
    last = max(start for start, _ in spans)
    shares = [idle(spans, ready, until) for until in (last, max(end for _, end in spans))]
    return [line[1] for line in lines], [ready - began, *shares, seconds]


def idle(spans: list[tuple[float, float]], start: float, end: float) -> float:
    """Return the share of the workers' time from `start` to `end` that is in none of the spans."""
    busy = sum(max(0.0, min(end, span[1]) - max(start, span[0])) for span in spans)
    return 1 - busy / (WORKERS * (end - start))


def main(rounds: int) -> None:
    found: dict[str, list[list[float]]] = {"convsweep": [], "batches": []}
    for seed in range(rounds):
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as other:
            options = [f"hydra.sweeper.{key}" for key in (f"n_jobs={WORKERS}", f"seed={seed}", "study_name=noop")]
            drawn, row = run(Path(folder), *OURS, *options)
            found["convsweep"].append(row)
            found["batches"].append(run(Path(other), *BATCHES, f"x={','.join(drawn)}")[1])
    print("| medians | start-up, s | idle until the last trial starts | idle until it ends | the whole command, s |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for way, rows in found.items():
        startup, before, whole, seconds = map(statistics.median, zip(*rows, strict=True))
        print(f"| {way} | {startup:.1f} | {before:.1%} | {whole:.1%} | {seconds:.1f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
