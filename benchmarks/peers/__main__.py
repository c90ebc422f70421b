"""convsweep beside other ways to search, on the same images, space, network and seeds, in turn.

    python -m benchmarks.peers                                  # all: some four hours of an otherwise quiet machine
    python -m benchmarks.peers --modes=anytime --only=ours,handwritten --seeds=1 --seconds=60
    python -m benchmarks.peers --report                         # write the page from what is there
    PEERS_TRY=1 python -m benchmarks.peers --seeds=1 --seconds=60     # tiny, into build/peers: does everything run?

Fixed work: the same 16 configurations, 8 epochs each, none pruned. Any time: the best validation accuracy so far over
so many seconds. What is in benchmarks/results/ is not measured again, so that the same command goes on after a stop.
With `--at-once=2` the ways of a round run side by side, each on two cores of its own, on a machine that has as many.
Lays environments of its own beside .venv, compiled; writes docs/benchmarks.md and its picture.
"""

import argparse
import os
import signal
import statistics
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from benchmarks.peers import environments, report, results
from benchmarks.peers.measure import Failed, Measured, export_images, measure, measure_on
from benchmarks.peers.ways import WAYS

FASTEST, MORE_SEEDS = 2, 5  # ways that get more seeds, and how many


@dataclass(frozen=True)
class Round:
    """What is the same for all runs of a mode: seconds of a search, a folder for a while, the folder of the results."""

    mode: str
    seconds: float
    folder: Path
    results: Path


def names(text: str) -> list[str]:
    given = text.split(",")
    if unknown := [name for name in given if name not in WAYS]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}; there are {', '.join(WAYS)}")
    return given


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--modes", default="fixed,anytime", help="%(default)s")
    parser.add_argument("--only", type=names, default=list(WAYS), metavar="WAY,...", help=f"of {', '.join(WAYS)}")
    parser.add_argument(
        "--seeds", type=int, default=3, help=f"of each way (%(default)s); from 3 on, the fastest two get {MORE_SEEDS}"
    )
    parser.add_argument("--seconds", type=float, default=240.0, help="of a search, any time (%(default)g)")
    parser.add_argument(
        "--at-once", type=int, metavar="CORES", help="side by side, each way on so many cores of its own"
    )
    parser.add_argument(
        "--results", type=Path, default=results.FOLDER, metavar="FOLDER", help="another machine's: below %(default)s"
    )
    parser.add_argument("--report", action="store_true", help="measure nothing")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what runs, too
    if not arguments.report:
        for way in arguments.only:
            environments.python(WAYS[way].environment)
        results.note_setting(arguments.results, arguments.at_once, seconds=arguments.seconds)
        with tempfile.TemporaryDirectory() as folder:
            for mode in arguments.modes.split(","):
                run = Round(mode, arguments.seconds, Path(folder), arguments.results)
                ways = [way for way in arguments.only if mode in WAYS[way].modes]
                if arguments.at_once:
                    for seed in range(arguments.seeds):
                        _measure_at_once(run, ways, seed, arguments.at_once)
                else:
                    _measure_all(run, ways, arguments.seeds)
    report.write()


def _measure_all(run: Round, ways: list[str], seeds: int) -> None:
    """Measure the ways in turn, seed by seed; then the two best once more for the seeds that only they get."""
    rounds = [(seed, ways) for seed in range(seeds)]
    for seed, some in rounds:
        for way in some:
            if (way, seed) not in results.read(run.mode, run.results):
                try:
                    images = export_images(seed, run.folder)
                    _add(run, way, seed, measure(WAYS[way], run.mode, seed, run.seconds, images))
                except Failed as error:
                    sys.exit(f"{way}, seed {seed}, {run.mode}:\n{error}")
        if run.mode == "anytime" and seed == seeds - 1 and seeds >= 3:
            rounds += [(more, _fastest(run, ways)) for more in range(seeds, MORE_SEEDS)]


def _measure_at_once(run: Round, ways: list[str], seed: int, cores: int) -> None:
    """Measure the ways side by side, each on cores of its own; what fails is told, and the others go on."""
    ways = [way for way in ways if (way, seed) not in results.read(run.mode, run.results)]
    own = sorted(os.sched_getaffinity(0))
    shares = [own[first : first + cores] for first in range(0, len(own) - cores + 1, cores)]
    if len(ways) > len(shares):
        sys.exit(f"{len(ways)} ways want {cores} cores each, {len(own)} are there; choose some by --only")
    if not ways:
        return
    images = export_images(seed, run.folder)
    # A process for each: it counts and ends all that runs below it.
    with ProcessPoolExecutor(len(ways), get_context("spawn")) as pool:
        measuring = {
            pool.submit(measure_on, shares.pop(0), way, run.mode, seed, run.seconds, images): way for way in ways
        }
        for measured in as_completed(measuring):
            try:
                _add(run, measuring[measured], seed, measured.result())
            except Failed as error:
                print(f"{measuring[measured]}, seed {seed}, {run.mode}:\n{error}", file=sys.stderr, flush=True)


def _add(run: Round, way: str, seed: int, measured: Measured) -> None:
    results.add(run.mode, way, seed, measured, run.results)
    best = max(accuracy for _, accuracy in measured.epochs)
    print(
        f"{run.mode} {way}, seed {seed}: {measured.seconds:.0f} s, {measured.processor:.0f} processor seconds, "
        f"{len(measured.epochs)} epochs, best {best:.4f}",
        flush=True,
    )


def _fastest(run: Round, ways: list[str]) -> list[str]:
    """Return the two ways with the best accuracy at the end, in the median."""
    measured = results.read(run.mode, run.results)

    def final(way: str) -> float:
        return statistics.median(one.epochs[-1][1] for (name, _), one in measured.items() if name == way)

    return sorted(ways, key=final, reverse=True)[:FASTEST]


if __name__ == "__main__":
    main()
