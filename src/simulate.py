"""What would a search have cost with another sampler, pruner, scheduler or number of workers?

    python -m src.simulate fashion_mnist hydra/sweeper/scheduler=asha hydra.sweeper.n_jobs=8
    python -m src.simulate benchmarks/fashion_mnist_curves.csv --seeds=20 --budgets=10,25 \\
        hydra/sweeper/sampler=random vs hydra/sweeper/sampler=tpe vs hydra/sweeper/scheduler=asha

Replays the learning curves that a study recorded, or a table of such, in virtual time. Overrides are those of a sweep,
as far as they are under hydra.sweeper; `vs` stands between those of two policies. Without a sampler among them, the
configurations are tried in the order in which they were recorded.

With hydra.sweeper.confirm=3x2 among the overrides each training has the noise of a seed, as large as two trainings of
one configuration differ: the pick of a search with and without it is shown beside its true value.
"""

import argparse
import io
import shlex
import statistics
import sys
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from rich import box
from rich.console import Console
from rich.table import Table

from convsweep.display import say
from convsweep.errors import UserError, explain
from convsweep.policy import Confirmation
from convsweep.replay import Curves, Replay, intervals, load, noise_of, of_study, save, simulate, too_high
from convsweep.study import find_study, repeated
from src.process import as_typed, program
from src.search import sweeper_of
from src.tracking import FINAL

FOLDER = Path("multirun")
SAMPLER = "hydra/sweeper/sampler="
WIDTH = 200  # columns of a table that is not shown in a terminal
CONFIRM = "hydra.sweeper.confirm="
FEW = 10  # searches
OUTCOME = ["best", "steps", "time", "trials", "to the end"]
HONEST = ["reported", "true value", "reported too good by", "interval held the truth", *OUTCOME[1:]]
TITLE = "# Policies, compared on recorded curves\n\nWritten by"


def main() -> None:
    """Print a table with a row a policy."""
    parser = argparse.ArgumentParser(
        prog=program("simulate"), description=as_typed(__doc__), formatter_class=argparse.RawDescriptionHelpFormatter
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
        again = _again(arguments.source, arguments.storage)
        policies = [list(group) for vs, group in groupby(arguments.overrides, lambda word: word == "vs") if not vs]
        _show(curves, policies or [[]], arguments.budgets, arguments.seeds, arguments.markdown, again)
    except UserError as error:
        sys.exit(f"error: {error}")
    except HydraException as error:
        sys.exit(f"error: {explain(error)}")


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _read(source: str, storage: str | None) -> Curves:
    return load(Path(source)) if source.endswith(".csv") else of_study(find_study(source, FOLDER, storage))


def _again(source: str, storage: str | None) -> list[list[float]]:
    """Return the values of those configurations of a study that python -m src.finalize has trained again."""
    if source.endswith(".csv"):
        return []
    try:
        return [list(one.values().values()) for one in repeated(find_study(f"{source}{FINAL}", FOLDER, storage))]
    except UserError:
        return []


def _show(
    curves: Curves,
    policies: list[list[str]],
    budgets: list[int] | None,
    seeds: int,
    markdown: Path | None,
    again: list[list[float]],
) -> None:
    """Simulate all policies, and print what each came to.

    `again`: Values of configurations that were trained again elsewhere, by which the noise of a seed is known as well.
    """
    from joblib import Parallel, delayed

    limits = [f"{n * curves.length}steps" for n in budgets] if budgets else [None]
    policies = _beside(policies)
    sweepers = [(policy, [sweeper_of(policy, limit, curves.length) for limit in limits]) for policy in policies]
    noise, notes = None, []
    if any(Confirmation.of(sweeper) for _, columns in sweepers for sweeper in columns):
        noise, notes = _noise(curves, again, seeds)
    jobs = [
        delayed(simulate)(
            curves, sweeper, seed, not any(word.startswith(SAMPLER) for word in policy), noise=noise or 0.0
        )
        for policy, columns in sweepers
        for sweeper in columns
        for seed in range(seeds)
    ]
    replays: Iterator[Any] = iter(Parallel(n_jobs=-1)(jobs))
    table = Table(box=box.MARKDOWN)
    table.add_column("policy")
    heads = OUTCOME if noise is None else HONEST
    for head in [f"{n} full trainings" for n in budgets] if budgets else heads:
        table.add_column(head, justify="right")
    row = _outcome if noise is None else partial(_honest, curves)
    for policy, columns in sweepers:
        cells = [[next(replays) for _ in range(seeds)] for _ in columns]
        words = " ".join(map(_shortened, policy)) or "as in conf/, in the recorded order"
        table.add_row(words, *([_regret(curves, cell, noise) for cell in cells] if budgets else row(cells[0])))
    lines = [*_about(curves, budgets, seeds, noise), *notes]
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


def _about(curves: Curves, budgets: list[int] | None, seeds: int, noise: float | None) -> list[str]:
    """Return what stands above the table."""
    lines = [f"{len(curves.params)} configurations, {curves.length} steps; best value on a curve {curves.best:.4f}."]
    if curves.cut:
        lines.append(f"{curves.cut} of them were stopped before: simulated trials end there as well.")
    if budgets:
        of = "Distance to it" if noise is None else "Distance of the pick's true value to it"
        said = "" if noise is None else "; then by how much it is reported too good"
        lines.append(f"{of}: mean and standard deviation of {seeds} seeds{said}.")
    return lines


def _beside(policies: list[list[str]]) -> list[list[str]]:
    """Put each policy that confirms beside the same without that."""
    found: list[list[str]] = []
    for policy in policies:
        without = [word for word in policy if not word.lstrip("+").startswith(CONFIRM)]
        found += [one for one in ([without, policy] if without != policy else [policy]) if one not in found]
    return found


def _noise(curves: Curves, again: list[list[float]], seeds: int) -> tuple[float, list[str]]:
    """Return the noise of a seed, and lines that say where it is known from.

    Raises:
        UserError: It is not known.
    """
    noise, count = curves.noise, len(curves.twice)
    if noise is None:
        noise, count = noise_of(again), sum(len(group) > 1 for group in again)
    if noise is None:
        raise UserError(
            "nobody knows how much a seed changes here, which is what hydra.sweeper.confirm is about: no configuration "
            f"was trained twice; {program('finalize')} STUDY trains the best again, and "
            "benchmarks/fashion_mnist_curves.csv has some that were"
        )
    trained = "one configuration that was" if count == 1 else f"{count} configurations that were"
    lines = [
        f"The noise of a seed: {noise:.4f}, from {trained} trained more than once. Each training is a recorded curve, "
        "taken for true, and such a noise."
    ]
    if seeds < FEW:
        lines.append(f"One search is luck: --seeds=100 shows the mean of a hundred, here it is {seeds}.")
    return noise, lines


def _regret(curves: Curves, replays: list[Replay], noise: float | None) -> str:
    known = [replay.outcome for replay in replays if replay.outcome is not None]
    if noise is not None and not known:
        return "none"
    best = max(_sign(curves) * curves.truth)
    distances = [best - one.true for one in known]
    if noise is None:
        distances = [abs(curves.best - replay.value) for replay in replays]
    cell = f"{statistics.mean(distances):.4f} ± {statistics.pstdev(distances):.4f}"
    return cell if noise is None else f"{cell}, {too_high(known):+.4f}"


def _outcome(replays: list[Replay]) -> list[str]:
    def mean(name: str) -> float:
        return statistics.mean(getattr(replay, name) for replay in replays)

    clock = str(timedelta(seconds=round(mean("seconds"))))
    return [f"{mean('value'):.4f}", f"{mean('steps'):.0f}", clock, f"{mean('trials'):.0f}", f"{mean('complete'):.0f}"]


def _honest(curves: Curves, replays: list[Replay]) -> list[str]:
    """Return what searches report of their pick, and what is true."""
    known = [replay.outcome for replay in replays if replay.outcome is not None]
    if not known:
        return ["none"] + [""] * (len(HONEST) - 1)
    found = intervals(known)
    held = f"{found[0]} of {found[1]}, ± {found[2]:.4f}" if found else "none"
    again = statistics.mean(replay.again for replay in replays)
    _, steps, clock, trials, complete = _outcome(replays)
    trials = f"{float(trials) - again:.0f} + {again:.0f}" if again else trials
    said, true = (_sign(curves) * statistics.mean(getattr(one, name) for one in known) for name in ("said", "true"))
    return [f"{said:.4f}", f"{true:.4f}", f"{too_high(known):+.4f}", held, steps, clock, trials, complete]


def _sign(curves: Curves) -> int:
    return 1 if curves.maximize else -1


def _shortened(override: str) -> str:
    return override.removeprefix("hydra/sweeper/").removeprefix("hydra.sweeper.")


if __name__ == "__main__":
    main()
