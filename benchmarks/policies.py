"""Replay policies on all tables of learning curves, and write docs/policies.md from what they came to.

    python -m benchmarks.policies TABLE.csv ... --seeds 8

Each replay is a row of benchmarks/results/policies.csv: the same command goes on after an interrupt, and other tables,
budgets or seeds add to it. `--page` replays nothing. One process; hours for all of it.
"""

import argparse
import csv
import itertools
import math
import statistics
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from pathlib import Path

import numpy as np
from omegaconf import DictConfig

from benchmarks import fronts, likeness
from benchmarks.faster import faster_draws
from convsweep.replay import Curves, load, simulate
from convsweep.replay.curves import START
from src.search import sweeper_of

HERE = Path(__file__).parent
BY_TIME = ", by time"  # after a table's name: there a budget is the seconds of so many mean trainings
FEW = 3  # replays; fewer are not shown
RESULTS, PAGE = HERE / "results/policies.csv", HERE.parent / "docs/policies.md"
BUDGETS = 6, 10, 12, 25, 100  # full trainings
FOR_A_USER = 10, 25, 100  # of these the page says what follows
NONE = ["hydra/sweeper/scheduler=none", "hydra/sweeper/pruner=none"]
TPE, CQR, GP = (f"hydra/sweeper/sampler={name}" for name in ("tpe", "cqr", "gp"))
ASHA = "hydra/sweeper/scheduler=asha"
KEY = "hydra.sweeper.scheduler."
OLD = [f"{KEY}brackets=1", f"{KEY}random_share=0.25", f"{KEY}near_share=0", f"{KEY}enough_results=10"]
HALVES = [f"{KEY}brackets=2", f"{KEY}bracket_shares=equal", f"{KEY}random_share=0.1", f"{KEY}near_share=0.25"]
BASELINE = "one epoch each, then the best"
NO_SCHEDULER, EARLY, LATE, DEFAULT = "TPE, no scheduler", "asha, first rung 1", "asha, first rung 3", "the defaults"
HALF = "asha, every second trial not before 3, a quarter near the best"
ONE_SEED = "the defaults, one seed for all trials"
FASTER = "the defaults, of two draws the faster"
POLICIES = {
    NO_SCHEDULER: [TPE, *NONE],
    EARLY: [TPE, ASHA, f"{KEY}min_resource=1", *OLD],
    LATE: [TPE, ASHA, f"{KEY}min_resource=3", *OLD],
    "asha, first rung 3, a quarter near the best": [
        TPE, ASHA, f"{KEY}min_resource=3", f"{KEY}brackets=1", f"{KEY}random_share=0.1", f"{KEY}near_share=0.25"
    ],
    HALF: [TPE, ASHA, *HALVES],
    DEFAULT: [TPE, ASHA],
    ONE_SEED: [TPE, ASHA, "hydra.sweeper.trial_seeds=common"],
    FASTER: [TPE, ASHA],
    "CQR, no scheduler": [CQR, *NONE],
    "CQR, asha as by default": [CQR, ASHA],
    "GP, no scheduler": [GP, *NONE],
    "GP, asha as by default": [GP, ASHA],
}  # fmt: skip
# Other samplers beside TPE under the same scheduler; replayed where they are named.
SAMPLERS = {name: (NO_SCHEDULER if name.endswith(", no scheduler") else DEFAULT) for name in list(POLICIES)[-4:]}


@dataclass(frozen=True)
class Row:
    """A replay: its distance is that of the answer to the best value on any of the table's curves.

    Where each configuration was trained with several seeds, the answer counts what the other seeds gave it, and the
    best is that in the mean over seeds: luck is not taken for truth.
    """

    table: str
    policy: str
    budget: int
    seed: int
    distance: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", type=Path, default=sorted(HERE.glob("*_curves.csv")))
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--budgets", type=lambda text: tuple(map(int, text.split(","))), default=BUDGETS)
    parser.add_argument("--policies", help="names, separated by semicolons; all of them otherwise")
    parser.add_argument("--page", action="store_true", help="write the page alone")
    parser.add_argument("--order", action="store_true", help="print how well early epochs foretell later ones, alone")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    if given.order:
        print(*map(_order, given.tables), sep="\n")
        return
    if not given.page:
        names = (
            given.policies.split(";")
            if given.policies
            else [BASELINE, *(name for name in POLICIES if name not in SAMPLERS)]
        )
        replay(given.results, given.tables, names, given.budgets, range(given.seeds))
    PAGE.write_text(page(read(given.results)), encoding="utf-8")


def _order(path: Path) -> str:
    """Say how alike a table's configurations rank after 1, 3 and 9 epochs, and by their best (Spearman)."""
    from scipy.stats import spearmanr

    curves = _paired(load(path))
    runs = np.array([runs[0] for runs in curves.values if len(runs[0]) == curves.length])
    steps = {"1": runs[:, 0], "3": runs[:, 2], "9": runs[:, 8], "best": [curves.peak(run) for run in runs]}
    pairs = itertools.combinations(steps, 2)
    found = (f"{one}-{other} {spearmanr(steps[one], steps[other])[0]:.2f}" for one, other in pairs)
    return f"{path.stem}: {', '.join(found)}"


def replay(
    results: Path, tables: Sequence[Path], names: Sequence[str], budgets: Sequence[int], seeds: Sequence[int]
) -> None:
    """Add what is missing to the results, seed by seed, so that all policies have as many at any time."""
    done = {(row.table, row.policy, row.budget, row.seed) for row in read(results)}
    curves = {path.stem: _paired(load(path)) for path in tables}
    timed = {name: with_seconds(found) for name, found in curves.items()}
    curves |= {f"{name}{BY_TIME}": c for name, c in timed.items() if max(c.seconds) > 10 * min(c.seconds) > 0}
    results.parent.mkdir(exist_ok=True)
    new = not results.exists()
    with results.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        if new:
            writer.writeheader()
        for seed, budget, table, policy in itertools.product(seeds, budgets, curves, names):
            by_time = table.endswith(BY_TIME)
            impossible = (
                by_time if policy == BASELINE else
                not by_time if policy == FASTER else
                policy == ONE_SEED and not paired(curves[table])
            )  # fmt: skip
            if not impossible and (table, policy, budget, seed) not in done:
                writer.writerow(asdict(_row(table, curves[table], policy, budget, seed)))
                file.flush()


def with_seconds(curves: Curves) -> Curves:
    """Return a table of dense networks, where nobody recorded seconds, with those that their sizes make likely."""
    if any("max_units" not in params for params in curves.params):
        return curves
    weights = [10 ** fronts.size("task", params) for params in curves.params]
    batches = [params["batch_size"] for params in curves.params]
    return replace(curves, seconds=[0.3 + w / 40_000 * (1 + 32 / b) for w, b in zip(weights, batches, strict=True)])


def paired(curves: Curves) -> bool:
    """Whether each configuration was trained with several seeds."""
    return min(map(len, curves.values)) > 1


def _paired(curves: Curves) -> Curves:
    """Leave out what has a single curve where most configurations have several: its other training diverged."""
    several = [i for i, found in enumerate(curves.values) if len(found) > 1]
    if 2 * len(several) < len(curves.values):
        return curves
    kept = {name: [getattr(curves, name)[i] for i in several] for name in ("params", "values", "seconds")}
    return replace(curves, **kept)


def read(results: Path) -> list[Row]:
    if not results.exists():
        return []
    with results.open(newline="", encoding="utf-8") as file:
        return [
            Row(r["table"], r["policy"], int(r["budget"]), int(r["seed"]), float(r["distance"]))
            for r in csv.DictReader(file)
        ]


def _row(table: str, curves: Curves, policy: str, budget: int, seed: int) -> Row:
    if policy == BASELINE:
        value, other = one_epoch_each(curves, budget * curves.length, seed)
    else:
        seconds = round(budget * (curves.length * statistics.mean(curves.seconds) + START))
        limit = f"{seconds}s" if table.endswith(BY_TIME) else f"{budget * curves.length}steps"
        with faster_draws() if policy == FASTER else nullcontext():
            replayed = simulate(curves, _sweeper(policy, limit), seed)
        value, other = replayed.value, replayed.other
    means = [statistics.mean(map(curves.peak, found)) for found in curves.values]
    best = (max if curves.maximize else min)(means) if paired(curves) else curves.best
    distance = (best - (other if paired(curves) else value)) * (1 if curves.maximize else -1)
    return Row(table, policy, budget, seed, round(distance, 6))


@cache
def _sweeper(policy: str, budget: str) -> DictConfig:
    return sweeper_of(POLICIES[policy], budget)


def one_epoch_each(curves: Curves, budget: int, seed: int) -> tuple[float, float]:
    """Train random configurations for one epoch each, and the best as far as the budget goes to the end.

    The control of Egele et al. 2023, "The unreasonable effectiveness of early discarding after one epoch".
    Return the answer's value, and that by its other curves.
    """
    count = max(1, min(len(curves.params), budget - curves.length + 1))
    order = np.random.default_rng(seed).permutation(len(curves.params))[:count]
    used = [(row, (seed + i) % len(curves.values[row])) for i, row in enumerate(order)]
    sign = -1 if curves.maximize else 1
    used.sort(key=lambda which: sign * curves.values[which[0]][which[1]][0])
    whole = max(1, (budget - count) // (curves.length - 1))
    row, own = min(used[:whole], key=lambda which: sign * curves.peak(curves.values[which[0]][which[1]]))
    others = [curves.peak(curve) for i, curve in enumerate(curves.values[row]) if i != own]
    return curves.peak(curves.values[row][own]), statistics.mean(others) if others else math.nan


def page(rows: Sequence[Row]) -> str:
    """Return the page: a table for each table of curves, one of their mean, and what follows."""
    tables = sorted({row.table for row in rows})
    budgets = sorted({row.budget for row in rows if row.policy == DEFAULT and row.seed >= FEW - 1})
    parts = [HEAD]
    for table in tables:
        about = [text for name, text in ABOUT.items() if table.startswith(name)]
        if table.endswith(BY_TIME):
            about = [TIMED] if table.startswith("fashion") else [MADE_UP]
        parts += [f"## {table}", *about, "\n".join(_table([row for row in rows if row.table == table], budgets))]
    tables = [table for table in tables if not table.endswith(BY_TIME)]
    parts += ["## The mean of all", "\n".join(_means(rows, tables, budgets)), *_words(rows, tables)]
    parts += [*_one_seed(rows, budgets), *_samplers(rows, tables, budgets)]
    for head, lines in ((FRONTS, fronts.table()), (HALVES, fronts.halves()), (EARLIER, likeness.table())):
        if text := "\n".join(lines):
            parts += [head, text]
    return "\n\n".join(parts) + "\n"


HEAD = """# Policies, compared on recorded curves

Written by

    python -m benchmarks.policies --page

from [benchmarks/results/policies.csv](../benchmarks/results/policies.csv), a row a replay, to which the same command
with tables adds. Each number is the distance between the answer of a search and the best value on any curve of the
table, in the mean over replays with other seeds, and the standard error of that mean; the best of a column is bold. A
budget is so many full trainings of 27 epochs. *The defaults* are those of `hydra/sweeper/scheduler=asha`: a first rung
at a 27th of a training; how many trials pass it without being judged follows from how well its order foretells that of
the second; of the draws one in ten is random and one in ten near the best so far. These were chosen by some ten replays
of each of the six tables, that of clothes with half of its CNNs; the replays shown here are mostly others. *One epoch
each, then the best* is the control that a scheduler has to beat.

What a first epoch is worth differs: its order foretells that after three epochs with a rank correlation of 0.90 or 0.91
on the three tables of images, and of -0.10, 0.04 and 0.39 on those of tasks (`--order`). A first rung that is fixed is
a bet on one of the two; the trials that pass it unjudged show which it is, and five of them are enough. A larger share
of them at the least (a third), or before anything is known (two thirds), was no better in the mean. *Every second trial
not before 3* were the defaults before that."""
TIMED = """A budget of time, as long as so many trainings of the mean length: what is cheap costs less of it. An epoch
of one configuration takes up to 18 times as long as that of another here; a trial that goes on pays 1.5 seconds.

What takes less time was preferred in two ways. For a trial: two configurations are drawn, and the one taken that is
expected to be faster by the pace of those most like it. For a promotion: those go first whose next rung costs less.
The second changed nothing in 29 of 29 pairs of replays. The first did much good on this table after 12 trainings, none
after 6, and none or harm on the tables of tasks, where what is large is slow and often good. So it is no default, and
no option."""
MADE_UP = """The seconds are not recorded, but made up: 0.3, and one for 40,000 weights, twice that at a batch of 32."""
ABOUT = {
    "clothes_curves": "300 CNNs on 2,000 images of Fashion-MNIST with schedules, augmentation, dropout, and SGD beside "
    "Adam, each trained with two seeds. What an answer is worth says the other seed, so a distance may be below 0. "
    "Half of them were recorded after the defaults had been chosen.",
    "digits_curves": "1,000 multilayer perceptrons on half of the digits with schedules, augmentation, dropout, and "
    "SGD beside Adam, each trained with five seeds. What an answer is worth is what the other four say.",
    "fashion_mnist_curves": "150 CNNs on 3,000 images of Fashion-MNIST.",
    "task": "1,500 dense networks on a task of OpenML, drawn from the surrogate of LCBench in YAHPO Gym (Zimmer, "
    "Lindauer, Hutter 2021; Pfisterer et al. 2022). The table is not part of this repository.",
}


FRONTS = """## Two objectives

    python -m benchmarks.fronts

Accuracy and size: how much of the hypervolume of all configurations the answers of a search have, after so many full
trainings, mean and standard error. A scheduler ranks by fronts (non-domination, then crowding)."""
HALVES = """What half of the trainings have with the scheduler, less what all of them have without: in the mean less,
but by less than a standard error. It is less where the first epochs say nothing, as with one objective, and for 6
trainings on Fashion-MNIST, which bring few to their end: what has paused is not counted."""


CONFIRM = """The best of many trials is the luckiest as well. With 10 full trainings there is nothing to spare for
that: train the answer once more, and believe that value. From 25 on `hydra.sweeper.confirm=3x2` costs six of them. Of
50 it left the answer 0.02 to 0.13 points of accuracy behind the best that was tried, instead of 0.07 to 0.28, and what
was reported of it 0.04 to 0.15 too high, instead of 0.12 to 0.58 ([confirm.md](confirm.md)). With 100 take
`confirm=5x3`."""
ONE_SEED_HEAD = """## One seed for all trials

`hydra.sweeper.trial_seeds=common` pairs a comparison: what differs between two trials are their values alone. But all
of them may be lucky, or not, with the same first weights."""
SAMPLERS_HEAD = """## Other samplers

On how many tables a sampler is better / worse than TPE under the same scheduler, by more than the standard error of
the difference. The default would be another one if that were most tables; it is not, and TPE stays. CQR is
`hydra/sweeper/sampler=cqr`: trees that foretell quantiles (Salinas et al. 2023), a quarter of a second of a processor
for a draw. GP is Optuna's, with PyTorch: a tenth of a second to a second for a draw. Few replays, four to eight each:
on the tables of tasks both look better than TPE at 25 trainings; where an epoch takes minutes, a slow draw is cheap."""
EARLIER = """## Started from an earlier study

    python -m benchmarks.likeness

The defaults, started from a study of 60 random trials: of the same task with other configurations, of another task, and
of the same task with the best having the value of the worst, and so on. All alike is how they counted before; by
likeness is what `hydra.sweeper.warm_start_from` does. The mean distance over the tables of tasks, and its standard
error. The tasks have little in common: an order of 60 trials foretells that of the next task with a rank correlation of
0.24, 0.11 and -0.26, and that of its own task with 0.6, 0.6 and 0.3."""


def _cells(rows: Sequence[Row], budgets: Sequence[int]) -> dict[str, list[tuple[float, float, int]]]:
    """Return for each policy and budget the mean, its standard error and the number of replays."""
    found: dict[str, list[tuple[float, float, int]]] = {}
    for policy in dict.fromkeys([BASELINE, *POLICIES, *(row.policy for row in rows)]):
        values = [[r.distance for r in rows if r.policy == policy and r.budget == budget] for budget in budgets]
        if any(len(column) >= FEW for column in values):
            found[policy] = [_mean(column) for column in values]
    return found


def _mean(values: Sequence[float]) -> tuple[float, float, int]:
    if len(values) < FEW:
        return math.nan, math.nan, 0
    return statistics.mean(values), statistics.stdev(values) / len(values) ** 0.5, len(values)


def _table(rows: Sequence[Row], budgets: Sequence[int]) -> Iterator[str]:
    yield from _lines(_cells(rows, budgets), budgets)
    counts = sorted({count for column in _cells(rows, budgets).values() for *_, count in column if count})
    yield f"\n{counts[0]} to {counts[-1]} replays each." if len(counts) > 1 else f"\n{counts[0]} replays each."


def _means(rows: Sequence[Row], tables: Sequence[str], budgets: Sequence[int]) -> Iterator[str]:
    """Yield the table of the means over tables, of the policies that all of them have."""
    each = [_cells([row for row in rows if row.table == table], budgets) for table in tables]
    joint: dict[str, list[tuple[float, float, int]]] = {}
    for policy in each[0] if each else ():
        if all(policy in cells for cells in each):
            joint[policy] = [
                (
                    statistics.mean(cells[policy][i][0] for cells in each),
                    sum(cells[policy][i][1] ** 2 for cells in each) ** 0.5 / len(each),
                    min(cells[policy][i][2] for cells in each),
                )
                for i in range(len(budgets))
            ]
    yield from _lines(joint, budgets)


def _lines(cells: dict[str, list[tuple[float, float, int]]], budgets: Sequence[int]) -> Iterator[str]:
    yield f"| full trainings | {' | '.join(map(str, budgets))} |"
    yield f"| --- |{' ---: |' * len(budgets)}"
    best = [min((c[i][0] for c in cells.values() if c[i][2]), default=0.0) for i in range(len(budgets))]
    for policy, columns in cells.items():
        shown = []
        for i, (mean, error, count) in enumerate(columns):
            text = f"{mean:.4f}" if f"{mean:.4f}" != f"{best[i]:.4f}" else f"**{mean:.4f}**"
            shown.append(f"{text} ± {error:.4f}" if count else "")
        yield f"| {policy} | {' | '.join(shown)} |"


def _words(rows: Sequence[Row], tables: Sequence[str]) -> Iterator[str]:
    """Yield what follows for a user, a paragraph a budget."""
    yield "## What follows for a user"
    for budget in FOR_A_USER:
        cells = {t: _cells([row for row in rows if row.table == t], [budget]) for t in tables}
        known = [t for t in tables if all(p in cells[t] and cells[t][p][0][2] for p in (DEFAULT, NO_SCHEDULER))]
        if not known:
            continue
        common = [p for p in cells[known[0]] if all(p in cells[t] and cells[t][p][0][2] for t in known)]
        mean = {policy: statistics.mean(cells[t][policy][0][0] for t in known) for policy in common}
        errors = {p: sum(cells[t][p][0][1] ** 2 for t in known) ** 0.5 / len(known) for p in common}
        best = min(mean, key=lambda policy: mean[policy])
        ahead = mean[DEFAULT] - mean[best]
        if best == DEFAULT:
            advice = "Leave everything as it is: in the mean nothing that was tried here is better."
        elif ahead <= math.hypot(errors[best], errors[DEFAULT]):
            advice = f"Leave everything as it is: *{best}*, {mean[best]:.4f}, is ahead by less than a standard error."
        else:
            advice = f"Better than the defaults is *{best}*: {mean[best]:.4f}."
        gap = {t: cells[t][NO_SCHEDULER][0][0] - cells[t][DEFAULT][0][0] for t in known}
        error = {t: cells[t][NO_SCHEDULER][0][1] for t in known}
        worse = [t for t in known if -gap[t] > error[t]]
        yield (
            f"**With {budget} full trainings**: {advice} The defaults end {mean[DEFAULT]:.4f} from the best, a search "
            f"without a scheduler {mean[NO_SCHEDULER]:.4f}"
            + (f" and {BASELINE} {mean[BASELINE]:.4f}" if BASELINE in mean else "")
            + f" (mean of {len(known)} tables). Against no scheduler the defaults are better by more than a standard "
            f"error on {sum(gap[t] > error[t] for t in known)} of them, worse on {', '.join(worse) or 'none'}."
        )
    yield CONFIRM


def _one_seed(rows: Sequence[Row], budgets: Sequence[int]) -> Iterator[str]:
    """Yield whether a search whose trials all have the same seed picks worse, where each was trained with several."""
    lines, gaps = [], []
    for table in sorted({row.table for row in rows if row.policy == ONE_SEED}):
        cells = _cells([row for row in rows if row.table == table], budgets)
        for budget, own, common in zip(budgets, cells.get(DEFAULT, []), cells.get(ONE_SEED, []), strict=False):
            if own[2] and common[2]:
                lines.append(
                    f"| {table} | {budget} | {own[0]:.4f} ± {own[1]:.4f} | {common[0]:.4f} ± {common[1]:.4f} |"
                )
                gaps.append((common[0] - own[0], math.hypot(common[1], own[1])))
    if gaps:
        gap = statistics.mean(gap for gap, _ in gaps)
        error = sum(error**2 for _, error in gaps) ** 0.5 / len(gaps)
        yield ONE_SEED_HEAD
        yield "\n".join(["| table | full trainings | own seeds | one seed |", "| --- | ---: | ---: | ---: |", *lines])
        yield (
            f"By the other seed, the answer of a search by one seed is {'no ' * (gap <= error)}worse: the mean "
            f"difference is {gap:.4f} ± {error:.4f}."
        )


def _samplers(rows: Sequence[Row], tables: Sequence[str], budgets: Sequence[int]) -> Iterator[str]:
    """Yield how the other samplers do beside TPE, a line each: on how many tables they are better, and worse."""
    lines = []
    for policy, usual in SAMPLERS.items():
        cells = []
        for budget in budgets:
            pairs = []
            for table in tables:
                found = _cells([row for row in rows if row.table == table], [budget])
                if policy in found and usual in found and found[policy][0][2] and found[usual][0][2]:
                    pairs.append((found[policy][0], found[usual][0]))
            better = sum(theirs[0] - own[0] > math.hypot(own[1], theirs[1]) for own, theirs in pairs)
            worse = sum(own[0] - theirs[0] > math.hypot(own[1], theirs[1]) for own, theirs in pairs)
            cells.append(f"{better} / {worse} of {len(pairs)}" if pairs else "")
        if any(cells):
            lines.append(f"| {policy} | {' | '.join(cells)} |")
    if lines:
        yield SAMPLERS_HEAD
        yield "\n".join(
            [f"| full trainings | {' | '.join(map(str, budgets))} |", f"| --- |{' ---: |' * len(budgets)}", *lines]
        )


if __name__ == "__main__":
    main()
