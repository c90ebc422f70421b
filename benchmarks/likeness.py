"""Replay searches that start from an earlier study: of the same task, of another one, and turned round.

    python -m benchmarks.likeness TABLE.csv ... --seeds 5

A search sees every other configuration of its table. The earlier study are 60 random configurations of those that it
does not see, or of the table before in the list, trained to their end. Each replay is a row of
benchmarks/results/likeness.csv; benchmarks.policies puts what they came to on its page.
"""

import argparse
import csv
import itertools
import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import optuna
from optuna.trial import create_trial

from convsweep.replay import Curves, load, simulate
from convsweep.sampling.likeness import scaled, weighed
from src.search import sweeper_of

RESULTS = Path(__file__).parent / "results/likeness.csv"
FIELDS = ["table", "earlier", "policy", "budget", "seed", "distance"]
BUDGETS = 6, 12
COUNT = 60  # trials of an earlier study
NONE, SAME, OTHER, TURNED = "none", "the same task", "another task", "the same task, turned round"
ALIKE, SCALED, BY_LIKENESS = "all alike", "all, on this study's scale", "by likeness"
KINDS = [(NONE, ""), *itertools.product((SAME, OTHER, TURNED), (ALIKE, SCALED, BY_LIKENESS))]


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
    """Return how far the answer of a search is from the best that it might have found."""
    seen, unseen = halves(curves)
    earlier = [] if kind == NONE else [earlier_study(other if kind == OTHER else unseen, seed, kind == TURNED)]
    sweeper = sweeper_of(
        ["hydra/sweeper/sampler=tpe", "hydra/sweeper/scheduler=asha"], f"{budget * curves.length}steps"
    )
    instead = {
        ALIKE: lambda trials, *_: trials,
        SCALED: lambda trials, own, _: scaled(trials, own),
        BY_LIKENESS: weighed,
    }
    with patch("convsweep.sampling.sampler_view.weighed", instead.get(policy)):
        return abs(seen.best - simulate(seen, sweeper, seed, earlier=earlier).value)


def halves(curves: Curves) -> tuple[Curves, Curves]:
    """Return every other configuration, and the rest."""
    parts = [{name: list(getattr(curves, name))[i::2] for name in ("params", "values", "seconds")} for i in (0, 1)]
    return replace(curves, **parts[0]), replace(curves, **parts[1])


def earlier_study(curves: Curves, seed: int, turned: bool) -> optuna.Study:
    """Return a study of random configurations; turned round, the best has the value of the worst, and so on."""
    first = [found[0] for found in curves.values]
    if turned:
        low, high = np.min(first, axis=0), np.max(first, axis=0)
        first = [low + high - curve for curve in first]
    study = optuna.create_study(direction="maximize" if curves.maximize else "minimize")
    distributions = {name: parameter.distribution for name, parameter in curves.space.parameters.items()}
    for row in np.random.default_rng(seed).permutation(len(first))[:COUNT]:
        params = dict(curves.params[row])
        study.add_trial(
            create_trial(
                value=curves.peak(first[row]),
                params=params,
                distributions={name: distributions[name] for name in params},
                intermediate_values=dict(enumerate(map(float, first[row]), 1)),
            )
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
