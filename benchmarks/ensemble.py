"""What an ensemble of the models that finalizing leaves is worth: its test accuracy beside the single winner's.

    python -m benchmarks.ensemble [--studies 5] [OVERRIDES ...]

Each study searches the digits with another split and other seeds; the best three are trained three times each, and both
the winner and the ensemble are judged by the test images. What was measured is kept in results/ensemble.csv, a row a
study, and not measured again. About three minutes a study.
"""

import argparse
import csv
import shutil
import subprocess
import sys
from pathlib import Path

from convsweep.intervals import mean_of
from convsweep.study import find_study
from src.finalizing import tests_asked

SWEEP = [
    "training.epochs=6", "model.filters=4,8,16", "optimizer.learning_rate=tag(log,interval(1e-3,1e-2))",
    "model.dropout=interval(0,0.5)", "hydra.sweeper.n_trials=8",
]  # fmt: skip


RESULTS = Path(__file__).parent / "results/ensemble.csv"


def run(*words: str) -> None:
    subprocess.run([sys.executable, "-m", *words], check=True, stdout=subprocess.DEVNULL)


def accuracies(name: str, seed: int, overrides: list[str]) -> tuple[float, float]:
    """Return the test accuracy of the winner and of the ensemble of one study."""
    for folder in (name, f"{name}-final"):
        shutil.rmtree(Path("multirun", folder), ignore_errors=True)
    run("src.sweep", "-m", *SWEEP, f"hydra.sweeper.study_name={name}", f"seed={seed}", *overrides)
    run("src.finalize", name)
    run("src.finalize", name, "--ensemble")
    asked = {one.model: one.accuracy for one in tests_asked(find_study(f"{name}-final", Path("multirun"), None))}
    together = asked.pop("ensemble")
    (alone,) = asked.values()
    assert alone is not None and together is not None
    return alone, together


def measured() -> dict[int, tuple[float, float]]:
    """Return the accuracies of the studies that there are."""
    with RESULTS.open(newline="") as file:
        return {int(row["study"]): (float(row["winner"]), float(row["ensemble"])) for row in csv.DictReader(file)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ensemble", description=__doc__)
    parser.add_argument("overrides", nargs="*", help="of the sweeps")
    parser.add_argument("--studies", type=int, default=5)
    arguments = parser.parse_args()
    found = []
    known = measured()
    print("| study | winner | ensemble | difference |\n| --- | ---: | ---: | ---: |")
    for seed in range(arguments.studies):
        if seed not in known:
            known[seed] = accuracies(f"ensemble-{seed}", seed, arguments.overrides)
            with RESULTS.open("a") as file:
                file.write(f"{seed},{known[seed][0]:.4f},{known[seed][1]:.4f}\n")
        alone, together = known[seed]
        found.append(together - alone)
        print(f"| {seed} | {alone:.4f} | {together:.4f} | {found[-1]:+.4f} |", flush=True)
    gain = mean_of(found)
    print(f"\nmean difference {gain.value:+.4f}, 95% interval {gain.low:+.4f} to {gain.high:+.4f}")


if __name__ == "__main__":
    main()
