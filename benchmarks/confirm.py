"""What is the best of a search really worth? Searches on recorded curves, with and without training the best again.

    python -m benchmarks.confirm [TABLE.csv ...] [--trials 50] [--confirm 3x2] [--repeats 10]

A search trains so many random configurations of a table to their end. The value of each is that of its recorded
curve, taken for the truth, and the noise of a seed: normal, of the spread that the table shows between two trainings
of one configuration, in its better half and in all of it, or that of an earlier table where another one has none. With
`confirm` the last trials train the best again.
Writes docs/confirm.md.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from convsweep.intervals import mean_of
from convsweep.replay import Curves, Outcome, intervals, load, missed, noise_of, off_by, too_high

HERE = Path(__file__).parent
DEFAULT = HERE / "fashion_mnist_curves.csv"
DOCUMENT = HERE.parent / "docs" / "confirm.md"
MANY = 2000  # searches, for the means
ABOUT = """The best of many trials is the luckiest as well. Each line is a search over recorded curves that trains so
many random configurations to their end: what it reports of its winner, and what is true. The truth is the recorded
value; a training adds the noise of a seed, normal, as large as two trainings of one configuration differ in the table.
A seed changes bad configurations more than good ones, and few were trained twice: the truth lies between the two.
`confirm` spends the last of the same number of trials on the best ones again; its value is the mean of the fresh runs,
its interval Student's."""


def search(
    truth: np.ndarray, noise: float, trials: int, candidates: int, seeds: int, all_runs: bool, seed: int
) -> Outcome:
    """Search, more being better; `candidates` of 0 trust the best value.

    Args:
        truth: Of each configuration.
        noise: Standard deviation of a seed.
        trials: The budget, that of the trials that train the best again included.
        candidates: How many of the best are trained again.
        seeds: How often each.
        all_runs: Whether the first training of a candidate counts for the choice as well.
        seed: Of the search.
    """
    rng = np.random.default_rng(seed)
    tried = rng.choice(len(truth), min(trials - candidates * seeds, len(truth)), replace=False)
    values = truth[tried] + rng.normal(0, noise, len(tried))
    ranked = np.argsort(-values)
    best = float(truth[tried].max())
    if not candidates:
        return Outcome(float(values[ranked[0]]), float(truth[tried[ranked[0]]]), best)
    top = ranked[:candidates]
    again = truth[tried[top], None] + rng.normal(0, noise, (candidates, seeds))
    scores = np.column_stack([again, values[top]]).mean(axis=1) if all_runs else again.mean(axis=1)
    winner = int(scores.argmax())
    mean = mean_of(again[winner].tolist())
    return Outcome(mean.value, float(truth[tried[top[winner]]]), best, mean)


def outcomes(truth: np.ndarray, noise: float, trials: int, way: tuple[int, int, bool], count: int) -> list[Outcome]:
    return [search(truth, noise, trials, *way, seed) for seed in range(count)]


def row(name: str, found: Sequence[Outcome]) -> list[str]:
    """Return a row: how far off, how good, how often the interval held the truth, and how wide it was."""
    cells = [name, f"{100 * too_high(found):+.2f}", f"{100 * off_by(found):.2f}", f"{100 * missed(found):.2f}"]
    known = intervals(found)
    if known is None:
        return [*cells, "", ""]
    held, count, half_width = known
    return [*cells, f"{held} of {count} ({held / count:.1%})", f"± {100 * half_width:.2f}"]


def ways(confirm: tuple[int, int]) -> dict[str, tuple[int, int, bool]]:
    candidates, seeds = confirm
    asked = {
        "the best value": (0, 0, False),
        f"confirm={candidates}x{seeds}, all runs choose": (candidates, seeds, True),
        f"confirm={candidates}x{seeds}, fresh runs choose": (candidates, seeds, False),
    }
    return asked | {f"confirm={c}x{s}": (c, s, True) for c, s in ((3, 3), (5, 3), (3, 5)) if (c, s) != confirm}


def noises_of(curves: Curves) -> dict[str, float | None]:
    """Return the noise of a seed by the configurations that show it."""
    every = noise_of([list(map(curves.peak, runs)) for runs in curves.values])
    return {"the better half of the configurations": curves.noise, "all configurations": every}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.confirm", description=__doc__)
    parser.add_argument("tables", nargs="*", type=Path, default=[DEFAULT])
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--confirm", type=lambda text: tuple(map(int, text.split("x"))), default=(3, 2))
    parser.add_argument("--repeats", type=int, default=10, help="searches that are listed; the means are of many more")
    arguments = parser.parse_args()
    command = shlex.join(["python", "-m", "benchmarks.confirm", *sys.argv[1:]])
    noises, parts = {}, [ABOUT, f"Written by\n\n    {command}"]
    head = ["", "reported too high by", "off by (r.m.s.)", "worse than the best tried", "interval held the truth",
            "its half width"]  # fmt: skip
    for path in arguments.tables:
        curves = load(path)
        noises |= {of: found for of, found in noises_of(curves).items() if found}
        assert noises, "the first table must have configurations that were trained twice"
        truth = (1 if curves.maximize else -1) * curves.truth
        parts.append(
            f"## {path.name}\n\n{len(truth)} configurations, {arguments.trials} trials; points are percent of accuracy."
        )
        for of, noise in noises.items():
            parts.append(f"### The noise of a seed as in {of}: {100 * noise:.2f} points")
            for count in (arguments.repeats, MANY):
                rows = [
                    row(name, outcomes(truth, noise, arguments.trials, way, count))
                    for name, way in ways(arguments.confirm).items()
                ]
                lines = ["| " + " | ".join(cells) + " |" for cells in (head, *rows)]
                lines.insert(1, "|" + " --- |" + " ---: |" * (len(head) - 1))
                parts.append(f"{count:,} searches:\n\n" + "\n".join(lines))
    text = "# What the best of a search is worth\n\n" + "\n\n".join(parts) + "\n"
    DOCUMENT.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
