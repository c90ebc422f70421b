"""Replay searches of two objectives, accuracy and size, with and without a scheduler: hypervolume by epochs trained.

    python -m benchmarks.fronts TABLE.csv ... --seeds 5

The size is the logarithm of how many weights a configuration has, by a formula a space. Each replay is a row of
benchmarks/results/fronts.csv; benchmarks.policies puts what they came to on its page.
"""

import argparse
import csv
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from convsweep.replay import Curves, load, simulate
from src.search import sweeper_of

HERE = Path(__file__).parent
RESULTS = HERE / "results/fronts.csv"
TPE = "hydra/sweeper/sampler=tpe"
POLICIES = {
    "no scheduler": [TPE, "hydra/sweeper/scheduler=none", "hydra/sweeper/pruner=none"],
    "asha by fronts": [TPE, "hydra/sweeper/scheduler=asha"],
}
BUDGETS = 12, 25, 50
FIELDS = ["table", "policy", "budget", "seed", "hypervolume"]


def size(table: str, params: Mapping[str, Any]) -> float:
    """Return the logarithm of about how many weights a configuration of a table has."""
    if "max_units" in params:
        units, layers = params["max_units"], params["num_layers"]
        return math.log10(units * (50 + units * (layers - 1) / 2))
    filters, depth = params["model.filters"], params["model.depth"]
    if table.startswith("digits"):
        return math.log10(filters * (64 + filters * (depth - 1) + 10))
    blocks = sum((filters * 2**i) ** 2 * params.get("model.kernel_size", 3) ** 2 / 2 for i in range(depth))
    side = -(-28 // 2**depth)
    return math.log10(blocks + filters * 2 ** (depth - 1) * side**2 * params.get("model.dense_units", 128))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", type=Path, default=sorted(HERE.glob("*_curves.csv")))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--budgets", type=lambda text: tuple(map(int, text.split(","))), default=BUDGETS)
    given = parser.parse_args()
    done = {tuple(map(str, row)) for row in read()}
    curves = {path.stem: load(path) for path in given.tables}
    RESULTS.parent.mkdir(exist_ok=True)
    new = not RESULTS.exists()
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(FIELDS)
        for seed in range(given.seeds):
            for budget in given.budgets:
                for table, found in curves.items():
                    for policy in POLICIES:
                        if (table, policy, str(budget), str(seed)) not in {row[:4] for row in done}:
                            share = _replayed(table, found, policy, budget, seed)
                            writer.writerow([table, policy, budget, seed, f"{share:.5f}"])
                            file.flush()


def read() -> list[list[str]]:
    if not RESULTS.exists():
        return []
    with RESULTS.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))[1:]


def _replayed(table: str, curves: Curves, policy: str, budget: int, seed: int) -> float:
    """Return the hypervolume of a search's answers, as a share of that of all configurations.

    The volume's corner is the median accuracy and the largest size.
    """
    sizes = [size(table, params) for params in curves.params]
    peaks = [max(map(curves.peak, found)) for found in curves.values]
    corner = statistics.median(peaks), max(sizes)
    sweeper = sweeper_of(POLICIES[policy], f"{budget * curves.length}steps")
    front = simulate(curves, sweeper, seed, second=sizes).front
    return hypervolume(front, corner) / hypervolume(list(zip(peaks, sizes, strict=True)), corner)


def hypervolume(points: Sequence[Sequence[float]], corner: tuple[float, float]) -> float:
    """Return the area between points (more, less) and a corner that is worse in both."""
    area, reached = 0.0, corner[0]
    for value, weight in sorted(points, key=lambda point: point[1]):
        if value > reached and weight < corner[1]:
            area += (value - reached) * (corner[1] - weight)
            reached = value
    return area


def table() -> Iterator[str]:
    """Yield the lines of a table of the mean hypervolume and its standard error; nothing without results."""
    rows = read()
    budgets = sorted({int(row[2]) for row in rows})
    if rows:
        yield f"| table | policy | {' | '.join(map(str, budgets))} |"
        yield f"| --- | --- |{' ---: |' * len(budgets)}"
    for name, policy in dict.fromkeys((row[0], row[1]) for row in sorted(rows)):
        cells = []
        for budget in budgets:
            found = [float(row[4]) for row in rows if row[:3] == [name, policy, str(budget)]]
            error = f" ± {statistics.stdev(found) / len(found) ** 0.5:.3f}" if len(found) > 1 else ", one replay"
            cells.append(f"{statistics.mean(found):.3f}{error}" if found else "")
        yield f"| {name} | {policy} | {' | '.join(cells)} |"


def halves() -> Iterator[str]:
    """Yield the lines of a table: what a scheduler has by about half of the trainings, less what all have without."""
    rows = {(row[0], row[1], int(row[2]), row[3]): float(row[4]) for row in read()}
    if not rows:
        return
    steps = ((6, 12), (12, 25))
    yield f"| table | {' | '.join(f'{half} beside {whole}' for half, whole in steps)} |"
    yield f"| --- |{' ---: |' * len(steps)}"
    means: list[list[tuple[float, float]]] = [[] for _ in steps]
    for name in sorted({key[0] for key in rows}):
        for column, (half, whole) in zip(means, steps, strict=True):
            pairs = [
                (rows[name, "asha by fronts", half, seed], value)
                for (table, policy, budget, seed), value in rows.items()
                if (table, policy, budget) == (name, "no scheduler", whole)
                and (name, "asha by fronts", half, seed) in rows
            ]
            gains = [one - other for one, other in pairs]
            column.append((statistics.mean(gains), statistics.stdev(gains) / len(gains) ** 0.5))
        yield f"| {name} | {' | '.join('{:+.3f} ± {:.3f}'.format(*column[-1]) for column in means)} |"
    overall = [
        (statistics.mean(mean for mean, _ in column), math.hypot(*(error for _, error in column)) / len(column))
        for column in means
    ]
    yield f"| mean | {' | '.join('{:+.3f} ± {:.3f}'.format(*cell) for cell in overall)} |"


if __name__ == "__main__":
    main()
