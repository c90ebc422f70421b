"""What would a search have cost with another sampler, pruner, scheduler or number of workers?

    python -m src.simulate fashion_mnist hydra/sweeper/scheduler=asha hydra.sweeper.n_jobs=8
    python -m src.simulate benchmarks/fashion_mnist_curves.csv --seeds=20 --budgets=10,25 \\
        hydra/sweeper/sampler=random vs hydra/sweeper/sampler=tpe vs hydra/sweeper/scheduler=asha

Replays the learning curves that a study recorded, or a table of such, in virtual time. Overrides are those of a sweep,
as far as they are under hydra.sweeper; `vs` stands between those of two policies. Without a sampler among them, the
configurations are tried in the order in which they were recorded.
"""

import argparse
import io
import shlex
import statistics
import sys
from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from rich import box
from rich.console import Console
from rich.table import Table

from convsweep.display import say
from convsweep.errors import UserError, explain
from convsweep.replay import Curves, Replay, load, of_study, save, simulate
from convsweep.study import find_study
from src.process import program
from src.search import sweeper_of

FOLDER = Path("multirun")
SAMPLER = "hydra/sweeper/sampler="
WIDTH = 200  # columns of a table that is not shown in a terminal
TITLE = "# Policies, compared on recorded curves\n\nWritten by"


def main() -> None:
    """Print a table with a row a policy."""
    parser = argparse.ArgumentParser(
        prog=program("simulate"), description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", help=f"a study's name, its folder where that is not in {FOLDER}, or a table (.csv)")
    parser.add_argument("overrides", nargs="*", help="of hydra.sweeper; `vs` between those of two policies")
    parser.add_argument("--budgets", type=_numbers, help="in full trainings, a column each", metavar="N,N,...")
    parser.add_argument("--seeds", type=int, default=1, help="simulations of each policy and budget; the mean is shown")
    parser.add_argument("--save", type=Path, help="write the study's curves as a table, and simulate nothing")
    parser.add_argument("--markdown", type=Path, help="write the command and the table to this file as well")
    parser.add_argument("--storage", help="as in hydra.sweeper.storage, for a study that does not use a journal")
    arguments = parser.parse_intermixed_args()
    try:
        if arguments.save:
            save(find_study(arguments.source, FOLDER, arguments.storage), arguments.save, arguments.source)
            return
        curves = _read(arguments.source, arguments.storage)
        policies = [list(group) for vs, group in groupby(arguments.overrides, lambda word: word == "vs") if not vs]
        _show(curves, policies or [[]], arguments.budgets, arguments.seeds, arguments.markdown)
    except UserError as error:
        sys.exit(f"error: {error}")
    except HydraException as error:
        sys.exit(f"error: {explain(error)}")


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _read(source: str, storage: str | None) -> Curves:
    return load(Path(source)) if source.endswith(".csv") else of_study(find_study(source, FOLDER, storage))


def _show(
    curves: Curves, policies: list[list[str]], budgets: list[int] | None, seeds: int, markdown: Path | None
) -> None:
    """Simulate all policies, and print what each came to."""
    from joblib import Parallel, delayed

    limits = [f"{n * curves.length}steps" for n in budgets] if budgets else [None]
    sweepers = [(policy, [sweeper_of(policy, limit) for limit in limits]) for policy in policies]
    jobs = [
        delayed(simulate)(curves, sweeper, seed, not any(word.startswith(SAMPLER) for word in policy))
        for policy, columns in sweepers
        for sweeper in columns
        for seed in range(seeds)
    ]
    replays: Iterator[Any] = iter(Parallel(n_jobs=-1)(jobs))
    table = Table(box=box.MARKDOWN)
    table.add_column("policy")
    heads = [f"{n} full trainings" for n in budgets] if budgets else ["best", "steps", "time", "trials", "to the end"]
    for head in heads:
        table.add_column(head, justify="right")
    for policy, columns in sweepers:
        cells = [[next(replays) for _ in range(seeds)] for _ in columns]
        words = " ".join(map(_shortened, policy)) or "as in conf/, in the recorded order"
        table.add_row(words, *([_regret(curves, cell) for cell in cells] if budgets else _outcome(cells[0])))
    lines = [f"{len(curves.params)} configurations, {curves.length} steps; best value on a curve {curves.best:.4f}."]
    if curves.cut:
        lines.append(f"{curves.cut} of them were stopped before: simulated trials end there as well.")
    if budgets:
        lines.append(f"Distance to it: mean and standard deviation of {seeds} seeds.")
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    for line in lines:
        say(console, line)
    console.print(table)
    if markdown is not None:
        text = Console(width=WIDTH, file=io.StringIO(), record=True)
        text.print(table)
        rows = "\n".join(line.rstrip() for line in text.export_text().strip().splitlines())
        command = shlex.join(["python", "-m", "src.simulate", *sys.argv[1:]])
        markdown.write_text("\n\n".join([TITLE, f"    {command}", "\n".join(lines), rows]) + "\n", encoding="utf-8")


def _regret(curves: Curves, replays: list[Replay]) -> str:
    distances = [abs(curves.best - replay.value) for replay in replays]
    return f"{statistics.mean(distances):.4f} ± {statistics.pstdev(distances):.4f}"


def _outcome(replays: list[Replay]) -> list[str]:
    def mean(name: str) -> float:
        return statistics.mean(getattr(replay, name) for replay in replays)

    clock = str(timedelta(seconds=round(mean("seconds"))))
    return [f"{mean('value'):.4f}", f"{mean('steps'):.0f}", clock, f"{mean('trials'):.0f}", f"{mean('complete'):.0f}"]


def _shortened(override: str) -> str:
    return override.removeprefix("hydra/sweeper/").removeprefix("hydra.sweeper.")


if __name__ == "__main__":
    main()
