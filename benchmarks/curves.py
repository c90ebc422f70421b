"""Record the learning curves that `python -m src.simulate` replays: 150 random CNNs, 12 of them with a second seed.

    python -m benchmarks.curves

Runs `study=curves` (an hour and a half on 2 cores; the same command goes on after an interrupt), then 12 of its
configurations once more, from the best to the worst, and writes benchmarks/fashion_mnist_curves.csv.
"""

import subprocess
import sys
from pathlib import Path

import optuna

from convsweep.replay.curves import save
from convsweep.study.finding import find_study

TRIALS, REPEATS = 150, 12
SWEEP = [sys.executable, "-m", "src.sweep", "-m", "study=curves"]
TABLE = Path(__file__).parent / "fashion_mnist_curves.csv"


def main() -> None:
    subprocess.run(SWEEP, check=True)
    study = find_study("curves", Path("multirun"), None)
    if len(study.trials) == TRIALS:
        complete = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
        ranked = sorted(complete, key=lambda trial: -(trial.value or 0.0))
        for trial in ranked[:: max(1, len(ranked) // REPEATS)][:REPEATS]:
            study.enqueue_trial(trial.params)
    subprocess.run([*SWEEP, f"hydra.sweeper.n_trials={TRIALS + REPEATS}"], check=True)
    save(study, TABLE, "python -m benchmarks.curves")


if __name__ == "__main__":
    main()
