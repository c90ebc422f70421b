"""Replay searches that start from an earlier study of another table, as it is and with its order turned round.

    python -m benchmarks.likeness TABLE.csv ... --seeds 5

The earlier study are 60 random configurations of the table before in the list, of the same space, trained to their
end. Each replay is a row of benchmarks/results/likeness.csv; benchmarks.policies puts what they came to on its page.
"""

import argparse
import csv
import itertools
import statistics
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

import numpy as np
import optuna
from optuna.trial import create_trial

from convsweep.replay import Curves, load, simulate
from src.search import sweeper_of

RESULTS = Path(__file__).parent / "results/likeness.csv"
FIELDS = ["table", "earlier", "policy", "budget", "seed", "distance"]
BUDGETS = 6, 12, 25
COUNT = 60  # trials of an earlier study
NONE, AS_IT_IS, REVERSED = "none", "another task", "another task, reversed"
ALIKE, BY_LIKENESS = "all alike", "by likeness"
KINDS = [(NONE, ""), *itertools.product((AS_IT_IS, REVERSED), (ALIKE, BY_LIKENESS))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--budgets", type=lambda text: tuple(map(int, text.split(","))), default=BUDGETS)
    given = parser.parse_args()
    done = {tuple(row[:5]) for row in read()}
    curves = {path.stem: load(path) for path in given.tables}
    before = dict(zip(curves, [list(curves)[-1], *curves], strict=False))
    new = not RESULTS.exists()
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(FIELDS)
        for seed, budget, table, (kind, policy) in itertools.product(range(given.seeds), given.budgets, curves, KINDS):
            key = (table, kind, policy, str(budget), str(seed))
            if key not in done:
                found = _replayed(curves[table], curves[before[table]], kind, policy, budget, seed)
                writer.writerow([*key, f"{found:.6f}"])
                file.flush()


def read() -> list[list[str]]:
    if not RESULTS.exists():
        return []
    with RESULTS.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))[1:]


def _replayed(curves: Curves, other: Curves, kind: str, policy: str, budget: int, seed: int) -> float:
    """Return how far the answer of a search is from the best of its table."""
    sweeper = sweeper_of(
        ["hydra/sweeper/sampler=tpe", "hydra/sweeper/scheduler=asha"], f"{budget * curves.length}steps"
    )
    earlier = [] if kind == NONE else [earlier_study(other, seed, kind == REVERSED)]
    all_alike = patch("convsweep.sampling.sampler_view.weighed", lambda trials, _: trials)
    with all_alike if policy == ALIKE else nullcontext():
        return abs(curves.best - simulate(curves, sweeper, seed, earlier=earlier).value)


def earlier_study(curves: Curves, seed: int, turned: bool) -> optuna.Study:
    """Return a study of random configurations; turned round, the best has the value of the worst, and so on."""
    peaks = [curves.peak(found[0]) for found in curves.values]
    values = [max(peaks) + min(peaks) - peak for peak in peaks] if turned else peaks
    study = optuna.create_study(direction="maximize" if curves.maximize else "minimize")
    distributions = {name: parameter.distribution for name, parameter in curves.space.parameters.items()}
    for row in np.random.default_rng(seed).permutation(len(peaks))[:COUNT]:
        params = dict(curves.params[row])
        study.add_trial(
            create_trial(value=values[row], params=params, distributions={name: distributions[name] for name in params})
        )
    return study


def table() -> Iterator[str]:
    """Yield the lines of a table of the mean distance over tables, and its standard error; nothing without results."""
    rows = read()
    budgets = sorted({int(row[3]) for row in rows})
    if not rows:
        return
    yield f"| earlier study | its trials count | {' | '.join(map(str, budgets))} |"
    yield f"| --- | --- |{' ---: |' * len(budgets)}"
    for kind, policy in KINDS:
        cells = []
        for budget in budgets:
            tables: dict[str, list[float]] = {}
            for row in rows:
                if row[1:4] == [kind, policy, str(budget)]:
                    tables.setdefault(row[0], []).append(float(row[5]))
            errors = [statistics.variance(found) / len(found) for found in tables.values() if len(found) > 1]
            mean = statistics.mean(map(statistics.mean, tables.values())) if tables else float("nan")
            cells.append(f"{mean:.4f} ± {sum(errors) ** 0.5 / max(1, len(tables)):.4f}")
        yield f"| {kind} | {policy} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
