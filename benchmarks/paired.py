"""By how much a common seed shrinks the deviation of the difference between two configurations, on the digits.

    python -m benchmarks.paired [seeds]

Each of some configurations is trained with the same seeds; for each pair the deviation of the difference over seeds,
with seeds of their own (from the variances) and with a common one (of the differences). About five minutes.
"""

import itertools
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir

from benchmarks.harder import curve
from convsweep.sampling.instantiate import derive_seed
from src.config import register, settings

ROOT = Path(__file__).parent.parent
FIXED = ["dataset=digits", "dataset.validation_fraction=0.5", "training.epochs=6", "training.batch_size=32"]
CASES = {
    "cnn": ["optimizer=adam", "optimizer=rmsprop", "optimizer=adam optimizer.learning_rate=0.003", "model.dropout=0.4"],
    "mlp": ["optimizer=adam", "optimizer=rmsprop", "optimizer=adam optimizer.learning_rate=0.003", "model.dropout=0.5"],
}


def main(seeds: int = 10) -> None:
    register()
    print("| model | pair | own seeds | common seed | ratio |\n| --- | --- | ---: | ---: | ---: |")
    for model, cases in CASES.items():
        found: dict[str, list[float]] = {}
        for case in cases:
            small = ["model.filters=8"] if model == "cnn" else []
            with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
                config = settings(compose("config", [*FIXED, f"model={model}", *small, *case.split()]))
            found[case] = [max(curve(config, derive_seed(5, seed))) for seed in range(seeds)]
        ratios = []
        for one, other in itertools.combinations(cases, 2):
            own, common = deviations(found[one], found[other])
            ratios.append(common / own)
            print(f"| {model} | {one}, {other} | {own:.4f} | {common:.4f} | {common / own:.2f} |", flush=True)
        print(f"| {model} | mean | | | {statistics.mean(ratios):.2f} |", flush=True)


def deviations(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """Return the deviation of the difference with seeds of their own, and with a common one."""
    own = (statistics.variance(one) + statistics.variance(other)) ** 0.5
    return own, statistics.stdev(a - b for a, b in zip(one, other, strict=True))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
